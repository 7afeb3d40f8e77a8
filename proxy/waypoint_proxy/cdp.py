"""What the CDP edge serves: documents for plain GETs, WebSockets to browsers and to their targets."""

from __future__ import annotations

import functools
import socket
from http import HTTPStatus

from waypoint_core.settings import ProxySettings
from waypoint_proxy.browser import DevTools
from waypoint_proxy.documents import Documents
from waypoint_proxy.edge import Document
from waypoint_proxy.handshake import Refusal, Request
from waypoint_proxy.intents import PageUpgrade, Upgrade, at_cdp
from waypoint_proxy.queue import Queue
from waypoint_proxy.sessions import Sessions, new_id
from waypoint_proxy.tunnel import Tunnel


class Cdp:
    """For Playwright, Puppeteer and whoever else speaks the Chrome DevTools Protocol."""

    def __init__(self, settings: ProxySettings, queue: Queue, sessions: Sessions, tunnel: Tunnel) -> None:
        self._documents = Documents(settings, queue, sessions)
        self._tunnel = tunnel
        self._way = functools.partial(DevTools, settings.browser_timeout, compress=settings.compress)

    async def answer(self, client: socket.socket, peer: str, request: Request, own: str | None) -> Document | None:
        """See `edge.Service`."""
        match intent := at_cdp(request):
            case Upgrade(session) | PageUpgrade(session) if own and session not in {None, own}:
                raise Refusal(HTTPStatus.NOT_FOUND, "cannot find that session here: this address serves another one")
            case Upgrade(session):
                await self._tunnel.begin(client, peer, request, session or own or new_id(), self._way())
            case PageUpgrade(session, target):
                way = self._way(f"/devtools/page/{target}")
                await self._tunnel.join(client, peer, request, session, way)
            case _:
                return Document(*await self._documents.get(client, request, intent, own))
        return None
