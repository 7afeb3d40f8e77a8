"""What the edge answers to plain GETs: /json and the root."""

from __future__ import annotations

import socket
from http import HTTPStatus

from waypoint_core.errors import SessionError
from waypoint_core.settings import ProxySettings
from waypoint_proxy import browser as browsers
from waypoint_proxy import intents, rewrite
from waypoint_proxy.describe import Descriptions
from waypoint_proxy.handshake import Refusal, Request
from waypoint_proxy.presence import Presence
from waypoint_proxy.queue import Queue
from waypoint_proxy.reserve import Browser
from waypoint_proxy.sessions import Sessions, new_id

_RETRY_AFTER = 5
_JSON = "application/json; charset=UTF-8"


class Documents:
    """Bodies with their content types; `own` is the session that a listener serves alone, None at the edge."""

    def __init__(self, settings: ProxySettings, queue: Queue, sessions: Sessions) -> None:
        self._settings = settings
        self._queue = queue
        self._sessions = sessions
        self._descriptions = Descriptions(settings.browser_timeout)

    async def get(
        self, client: socket.socket, request: Request, intent: intents.Intent, own: str | None
    ) -> tuple[bytes, str]:
        """The body that is asked for, and its type. Refusal when there is none to be had."""
        base = rewrite.Base.of(request.headers, local(client))
        try:
            match intent:
                case intents.Version():
                    body = await self._described(client, request, "/json/version", own)
                    return rewrite.version(body, base.browser(own or new_id(), request.query)), _JSON
                case intents.Schema():
                    return await self._described(client, request, "/json/protocol", own), _JSON
                case intents.Targets(session) if session or own:
                    return await self._targets(session or own or "", base), _JSON
                case intents.Targets():
                    return b"[]\n", _JSON
        except SessionError as error:
            raise Refusal(HTTPStatus.BAD_GATEWAY, str(error), retry_after=_RETRY_AFTER) from error
        return b"WayPoint serves browsers here: see /json/version\n", "text/plain"

    async def _described(self, client: socket.socket, request: Request, path: str, own: str | None) -> bytes:
        if own:
            return await self._descriptions.get(path, self._browser_of(own))
        with Presence(client, request.early):
            async with self._queue.deadline(self._settings.version_timeout):
                return await self._descriptions.get_of_any(path, self._queue.look)

    async def _targets(self, session_id: str, base: rewrite.Base) -> bytes:
        found = self._browser_of(session_id)
        body = await browsers.fetch(found.endpoint, "/json/list", self._settings.browser_timeout)
        return rewrite.targets(body, base, session_id)

    def _browser_of(self, session_id: str) -> Browser:
        found = self._sessions.find(session_id).browser
        assert found is not None  # noqa: S101 - a live session has a browser
        return found


def local(client: socket.socket) -> str:
    """The address that the client connected to, as host:port."""
    host, port, *_ = client.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
