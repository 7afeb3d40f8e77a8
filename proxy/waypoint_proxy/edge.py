"""The I/O shell of both edges: one task a client connection, from its first byte to its last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol

from waypoint_core.settings import ProxySettings
from waypoint_proxy.handshake import Handshake, Refusal, Request, response
from waypoint_proxy.liveness import arm
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.presence import ClientLeft
from waypoint_proxy.relay import close
from waypoint_proxy.sessions import Session

_CHUNK = 65536
_RETRY_AFTER = 5
_GOODBYE_TIMEOUT = 2.0
log = logging.getLogger("waypoint.proxy.edge")


@dataclass(frozen=True, slots=True)
class Document:
    """The answer to a plain GET."""

    body: bytes
    content_type: str


class Service(Protocol):
    """What an edge serves: a protocol, or two."""

    async def answer(self, client: socket.socket, peer: str, request: Request, own: str | None) -> Document | None:
        """Serve an upgrade to its end, or give the answer to a plain request; own is the only session that may be
        asked for, None: any. Refusal when it is asked for what is not to be had."""


class Edge:
    """Serves clients on listening sockets."""

    def __init__(self, settings: ProxySettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._connections = 0

    @property
    def connections(self) -> int:
        """Client connections at this moment."""
        return self._connections

    async def serve(self, listener: socket.socket, service: Service, own: Session | None = None) -> None:
        """Accept clients of this service, each in its own task, until cancelled.

        own is the one session that this listener serves, until it has ended and its clients have been told; None:
        everybody gets a session of their own.
        """
        async with asyncio.TaskGroup() as clients:
            accepting = clients.create_task(self._accept(listener, service, own, clients), name="accept")
            if own:
                await asyncio.wait([own.ended])
                accepting.cancel()
                await asyncio.wait([accepting])
                listener.close()  # who comes now is refused; its clients are still being told

    async def _accept(
        self, listener: socket.socket, service: Service, own: Session | None, clients: asyncio.TaskGroup
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:
                log.warning("cannot accept a client: %s", error)
                await asyncio.sleep(0.1)
                continue
            self._connections += 1
            clients.create_task(self._attend(client, service, own.id if own else None), name="client")

    async def _attend(self, client: socket.socket, service: Service, own: str | None) -> None:
        """Serve one client; whatever goes wrong is its own affair."""
        peer = _peer(client)
        try:
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arm(client, self._settings.client_timeout)
            await self._answer(client, peer, service, own)
        except Refusal as refusal:
            log.info("refused %s: %d %s", peer, refusal.status, refusal.reason)
            self._metrics.refused(refusal.status)
            await close(client, refusal.encode(), _GOODBYE_TIMEOUT)
        except ClientLeft:
            log.debug("%s left unanswered", peer)
        except asyncio.CancelledError:
            # Who has been told already takes no more.
            stopping = Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the proxy is stopping", retry_after=1)
            with contextlib.suppress(OSError):
                client.send(stopping.encode())
            raise
        except OSError as error:
            log.info("lost %s: %s", peer, error)
        except Exception:
            log.exception("cannot serve %s", peer)
        finally:
            self._connections -= 1
            client.close()

    async def _answer(self, client: socket.socket, peer: str, service: Service, own: str | None) -> None:
        if self._connections > self._settings.max_connections:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"cannot serve more than {self._settings.max_connections} connections",
                retry_after=_RETRY_AFTER,
            )
        began = time.monotonic()
        request = await self._read(client)
        self._metrics.connected("handshake", time.monotonic() - began)
        if document := await service.answer(client, peer, request, own):
            answer = response(document.body, document.content_type, head_only=request.head_only)
            await close(client, answer, _GOODBYE_TIMEOUT)

    async def _read(self, client: socket.socket) -> Request:
        parser = Handshake(self._settings.max_header)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.handshake_timeout):
                while data := await loop.sock_recv(client, _CHUNK):
                    if request := parser.feed(data):
                        return request
        except TimeoutError:
            if parser.begun:
                raise Refusal(
                    HTTPStatus.REQUEST_TIMEOUT,
                    f"cannot wait longer than {self._settings.handshake_timeout:g} s for a request head",
                ) from None
        if parser.begun:
            raise ConnectionResetError("it left in the middle of its request head")
        raise ClientLeft


def _peer(client: socket.socket) -> str:
    try:
        host, port, *_ = client.getpeername()
    except (OSError, ValueError):
        return "a client"
    return f"{host}:{port}"
