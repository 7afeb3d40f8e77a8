"""What a browser says about itself, kept for a while: it is the same for all browsers of one Chromium version."""

from __future__ import annotations

import time

from waypoint_proxy.browser import fetch
from waypoint_proxy.reserve import Browser

_FRESH = 30.0


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
