"""The status endpoint of a daemon: HTTP, over TLS where the fleet has certificates."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType

from prometheus_client import CollectorRegistry

from waypoint_core.address import is_loopback, joined, split
from waypoint_core.errors import ConfigError
from waypoint_core.status.connection import HEAD_TIMEOUT, Connection
from waypoint_core.status.exchange import ClientLeft, Exchange
from waypoint_core.status.routes import Request, Response, Route, Routes

__all__ = ["Request", "Response", "Route", "StatusServer"]

log = logging.getLogger("waypoint.status")

MAX_CONNECTIONS = 100
_NONE: Mapping[str, Route] = MappingProxyType({})
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class StatusServer:
    """`/metrics`, `/healthz` and the routes given; private ones answer loopback and certificates of the fleet's CA."""

    def __init__(
        self,
        metrics: CollectorRegistry,
        *,
        public: Mapping[str, Route] = _NONE,
        private: Mapping[str, Route] = _NONE,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._routes = Routes(metrics, public, private)
        self._tls = tls
        self._connections = 0
        self._full = False

    async def serve(self, listen: str) -> None:
        """Serve this host:port until cancelled. ConfigError when it cannot be had."""
        loop = asyncio.get_running_loop()
        with _bind(listen) as listener:
            log.info("status endpoint at %s", joined(*listener.getsockname()[:2]))
            async with asyncio.TaskGroup() as clients:
                while True:
                    try:
                        client, address = await loop.sock_accept(listener)
                    except OSError as error:
                        log.warning("cannot accept a connection to the status endpoint: %s", error)
                        await asyncio.sleep(0.1)
                        continue
                    if self._admit(client):
                        clients.create_task(self._attend(client, address[0]), name=f"status client {address[0]}")

    def _admit(self, client: socket.socket) -> bool:
        full, self._full = self._full, self._connections >= MAX_CONNECTIONS
        if self._full:
            client.close()
            if not full:
                log.warning("the status endpoint turns clients away: %d are connected", MAX_CONNECTIONS)
            return False
        self._connections += 1
        return True

    async def _attend(self, client: socket.socket, peer: str) -> None:
        try:
            async with self._streams(client) as (reader, writer):
                trusted = is_loopback(peer) or bool(writer.get_extra_info("peercert"))
                await Connection(reader, writer, Exchange(peer, trusted=trusted), self._routes).run()
        except (OSError, ClientLeft) as error:
            log.debug("status client %s is gone: %r", peer, error)
        except Exception:
            log.exception("cannot serve status client %s", peer)
        finally:
            self._connections -= 1

    @asynccontextmanager
    async def _streams(self, client: socket.socket) -> AsyncIterator[_Streams]:
        """Streams over a connection, after the TLS handshake. OSError when that fails."""
        loop = asyncio.get_running_loop()
        _notice_loss(client)
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        try:
            transport, _ = await loop.connect_accepted_socket(
                lambda: protocol, client, ssl=self._tls, ssl_handshake_timeout=HEAD_TIMEOUT if self._tls else None
            )
        except BaseException:
            client.close()
            raise
        try:
            yield reader, asyncio.StreamWriter(transport, protocol, reader, loop)
        finally:
            transport.abort()


def _bind(listen: str) -> socket.socket:
    host, port = split(listen)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.create_server(
            address, family=family, backlog=MAX_CONNECTIONS, dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6()
        )
    except OSError as error:
        raise ConfigError(f"cannot listen on {listen} for the status endpoint: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def _notice_loss(client: socket.socket) -> None:
    """Let the kernel end the connection of a client that vanished without a word."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 30_000)
