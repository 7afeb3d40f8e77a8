"""What a browser says about itself, kept for a while: it is the same for all browsers of one Chromium version."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Container

from waypoint_core.errors import SessionError
from waypoint_proxy.browser import fetch
from waypoint_proxy.reserve import Browser

_FRESH = 30.0
log = logging.getLogger("waypoint.proxy.describe")

Look = Callable[[Container[str]], Awaitable[Browser]]
"""Finds a browser that is none of these instances."""


class Descriptions:
    """Answers of browsers by path, each asked for anew after half a minute."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._known: dict[str, tuple[float, bytes]] = {}

    async def get(self, path: str, browser: Browser) -> bytes:
        """The answer to GET path, from this browser if none is known. SessionError when it does not answer."""
        at, body = self._known.get(path, (0.0, b""))
        if not body or time.monotonic() - at > _FRESH:
            body = await fetch(browser.endpoint, path, self._timeout)
            self._known[path] = (time.monotonic(), body)
        return body

    async def get_of_any(self, path: str, look: Look) -> bytes:
        """The answer to GET path of the first browser that does answer; what was known before will do."""
        asked: set[str] = set()
        while True:
            browser = await look(asked)
            try:
                return await self.get(path, browser)
            except SessionError as error:
                log.warning("%s does not describe itself: %s", browser.instance, error)
            if path in self._known:
                _, body = self._known[path]
                self._known[path] = (time.monotonic(), body)  # the next client does not wait for it
                return body
            asked.add(browser.instance)
