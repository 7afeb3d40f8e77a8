"""The status endpoint: /metrics for Prometheus, and /healthz."""

from __future__ import annotations

import contextlib
import http
import socket
from collections.abc import AsyncIterator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

_BACKLOG = 64


def bound(address: str) -> socket.socket | None:
    """A listening socket at HOST:PORT; None where there is to be no endpoint. SystemExit says what is wrong."""
    if not address:
        return None
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if not (host and 0 < int(port) < 65536):
            raise ValueError("give HOST:PORT")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    except (OSError, ValueError) as error:
        raise SystemExit(f"waypoint-tzafonwright: cannot serve its status at {address}: {error}") from error


@contextlib.asynccontextmanager
async def serving(listener: socket.socket | None, registry: CollectorRegistry) -> AsyncIterator[None]:
    """Answers for as long as the block lasts."""

    def answer(connection: ServerConnection, request: Request) -> Response:
        match request.path.partition("?")[0]:
            case "/metrics":
                response = connection.respond(http.HTTPStatus.OK, generate_latest(registry).decode())
                del response.headers["Content-Type"]
                response.headers["Content-Type"] = CONTENT_TYPE_LATEST
                return response
            case "/healthz":
                return connection.respond(http.HTTPStatus.OK, "ok\n")
        return connection.respond(http.HTTPStatus.NOT_FOUND, "there are /healthz, /metrics\n")

    if listener is None:
        yield
        return
    # Every request is answered before it could become a WebSocket.
    async with serve(_nothing, sock=listener, process_request=answer, compression=None, server_header=None):
        yield


async def _nothing(connection: ServerConnection) -> None:
    await connection.close()
