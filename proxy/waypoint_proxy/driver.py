"""tzafonwright's server of this host, which drives the browser that it is told of."""

from __future__ import annotations

import asyncio
import socket
import stat
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from waypoint_core.errors import SessionError
from waypoint_proxy import link
from waypoint_proxy.endings import SERVER_LOST, Ending
from waypoint_proxy.handshake import Refusal
from waypoint_proxy.link import Link, UpgradeRefused, answering
from waypoint_proxy.reserve import Browser
from waypoint_proxy.rewrite import request_head

_FAR_SIDE = "tzafonwright's server"
_RETRY_AFTER = 5


class Driver:
    """The way of a tzafonwright client: to the server on this Unix socket, which attaches to the browser."""

    lost: Ending = SERVER_LOST

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout

    def check(self) -> None:
        """Refusal when there is no such server on this host."""
        place = Path(self._path)
        if not place.exists() or not stat.S_ISSOCK(place.stat().st_mode):
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"cannot serve tzafonwright: nobody listens on {self._path}; start waypoint-tzafonwright.socket there",
                retry_after=_RETRY_AFTER,
            )

    async def open(self, browser: Browser, headers: Mapping[str, str]) -> Link:
        """A WebSocket to the server, once it is attached.

        SessionError when this browser does not let it attach; Refusal when the server can attach to none.
        """
        browser.close()  # the server makes connections of its own
        told = {"x-waypoint-endpoint": browser.endpoint, "x-waypoint-instance": browser.instance}
        if browser.desktop:
            told["x-waypoint-desktop"] = browser.desktop
        try:
            far = await self._connect()
            return await link.upgrade(far, _FAR_SIDE, request_head("/", "tzafonwright", headers, told), self._timeout)
        except UpgradeRefused as error:
            if error.status == HTTPStatus.BAD_GATEWAY:
                raise SessionError(error.reason) from error
            raise _unavailable(error.reason) from error
        except SessionError as error:
            raise _unavailable(str(error)) from error

    async def _connect(self) -> socket.socket:
        far = socket.socket(socket.AF_UNIX)
        try:
            far.setblocking(False)
            async with answering(_FAR_SIDE, self._timeout):
                await asyncio.get_running_loop().sock_connect(far, self._path)
        except BaseException:
            far.close()
            raise
        return far


def _unavailable(reason: str) -> Refusal:
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"cannot serve tzafonwright: {reason}", retry_after=_RETRY_AFTER)
