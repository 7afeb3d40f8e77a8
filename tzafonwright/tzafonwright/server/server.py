"""Takes the WebSockets that the host's proxy passes on, attaches to the browser that it names, and runs the session.

The proxy names the browser in headers of the upgrade request, which it removes when a client sends them: where it
answers, which instance it is, and where its desktop answers if it has one. A browser
that cannot be attached to is refused before the upgrade, so that the proxy can take another one.
"""

from __future__ import annotations

import asyncio
import http
import logging
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tzafonwright import protocol
from tzafonwright.server.browser import BROWSER_GONE
from tzafonwright.server.driver import CannotAttach, DriverFailed, Drivers
from tzafonwright.server.metrics import Metrics
from tzafonwright.server.refused import End, SessionOver
from tzafonwright.server.session import Session

ENDPOINT_HEADER = "X-WayPoint-Endpoint"
INSTANCE_HEADER = "X-WayPoint-Instance"
DESKTOP_HEADER = "X-WayPoint-Desktop"
_HANDSHAKE = 60.0
_CLOSE = 1.0
log = logging.getLogger("tzafonwright.server")


class Server:
    """`run` serves until it is cancelled, and then tells every client so."""

    def __init__(self, drivers: Drivers, attach_timeout: float, metrics: Metrics) -> None:
        self._metrics = metrics
        self._drivers = drivers
        self._attach_timeout = attach_timeout
        self._sessions: dict[ServerConnection, tuple[asyncio.Future[None], asyncio.Task[None]]] = {}
        self._running: set[Session] = set()

    async def run(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """On this listening Unix socket."""
        async with asyncio.TaskGroup() as self._group:
            serving = unix_serve(
                self._serve,
                sock=listener,
                process_request=self._attach,
                subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
                select_subprotocol=_select,
                compression=None,
                max_size=protocol.MAX_FRAME,
                open_timeout=_HANDSHAKE,
                close_timeout=_CLOSE,
                ping_interval=None,  # whether the client lives is for the proxy to find out
                server_header=None,
            )
            async with serving as server:
                await stop.wait()
                server.close(close_connections=False)
                for session in list(self._running):
                    session.end(SessionOver(1001, "server is stopping", End.SERVER_STOPPED))
                await server.wait_closed()
        await self._drivers.stop()

    async def _attach(self, connection: ServerConnection, request: Request) -> Response | None:
        endpoint = request.headers.get(ENDPOINT_HEADER, "")
        if not _is_local(endpoint):
            return _refuse(connection, http.HTTPStatus.BAD_REQUEST, f"no {ENDPOINT_HEADER} of this machine")
        desktop = request.headers.get(DESKTOP_HEADER, "")
        if desktop and not _is_local(f"ws://{desktop}"):
            return _refuse(connection, http.HTTPStatus.BAD_REQUEST, f"no {DESKTOP_HEADER} of this machine")
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        accepted: asyncio.Future[None] = loop.create_future()
        instance = request.headers.get(INSTANCE_HEADER, "a browser")
        try:
            driver = await self._drivers.get()
            session = Session(connection, driver, instance, self._metrics, desktop)
            running = self._group.create_task(self._run(session, endpoint, ready, accepted), name=f"session {instance}")
            await ready
        except DriverFailed as error:
            return _refuse(connection, http.HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except CannotAttach as error:
            return _refuse(connection, http.HTTPStatus.BAD_GATEWAY, f"cannot attach to the browser: {error}")
        self._sessions[connection] = accepted, running
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        if connection not in self._sessions:
            return await connection.close(1011, BROWSER_GONE)
        accepted, running = self._sessions[connection]
        accepted.set_result(None)
        await asyncio.wait([running])
        return None

    async def _run(
        self, session: Session, endpoint: str, ready: asyncio.Future[None], accepted: asyncio.Future[None]
    ) -> None:
        self._running.add(session)
        try:
            await session.run(endpoint, self._attach_timeout, ready, accepted)
        except Exception:
            log.exception("a session ended by a mistake")
        finally:
            self._running.discard(session)
            self._sessions = {key: value for key, value in self._sessions.items() if value[0] is not accepted}


def _select(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """First-version clients offer none."""
    return Subprotocol(protocol.SUBPROTOCOL) if protocol.SUBPROTOCOL in offered else None


def _is_local(endpoint: str) -> bool:
    """The proxy names browsers of its own host only."""
    try:
        parts = urlsplit(endpoint)
    except ValueError:
        return False
    return parts.scheme == "ws" and parts.hostname in {"127.0.0.1", "::1", "localhost"}


def _refuse(connection: ServerConnection, status: http.HTTPStatus, reason: str) -> Response:
    log.warning("cannot begin a session: %s", reason)
    return connection.respond(status, f"{reason}\n")
