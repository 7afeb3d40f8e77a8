"""What the tzafonwright edge serves: WebSockets to browsers by way of this host's tzafonwright server."""

from __future__ import annotations

import socket
from http import HTTPStatus

from waypoint_proxy.driver import Driver
from waypoint_proxy.edge import Document
from waypoint_proxy.handshake import Refusal, Request
from waypoint_proxy.intents import Upgrade, at_tzafonwright
from waypoint_proxy.sessions import new_id
from waypoint_proxy.tunnel import Tunnel

_HERE = Document(b"WayPoint serves tzafonwright here: connect with a WebSocket\n", "text/plain")


class Tzafonwright:
    """For clients of either version of its protocol, which the proxy does not read."""

    def __init__(self, driver: Driver, tunnel: Tunnel) -> None:
        self._driver = driver
        self._tunnel = tunnel

    async def answer(self, client: socket.socket, peer: str, request: Request, own: str | None) -> Document | None:
        """See `edge.Service`."""
        match at_tzafonwright(request):
            case Upgrade(session) if own and session not in {None, own}:
                raise Refusal(HTTPStatus.NOT_FOUND, "cannot find that session here: this address serves another one")
            case Upgrade(session):
                self._driver.check()
                await self._tunnel.begin(client, peer, request, session or own or new_id(), self._driver)
                return None
        return _HERE
