"""One question to another's endpoint, its answer as it comes in."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import h11

from waypoint_core.address import split

_READ = 64 * 1024
_MAX_COMPLAINT = 4096


class NotAnswered(Exception):
    """The endpoint answered with something else than what was asked for; the message says with what."""


class Link:
    """A connection over which one GET was sent.

    OSError, h11.ProtocolError and NotAnswered come out of it, and ValueError where an address cannot be one.
    """

    def __init__(self, reader: asyncio.StreamReader, *, tls: bool) -> None:
        self._reader = reader
        self._tls = tls
        self._http = h11.Connection(h11.CLIENT)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str, target: str, tls: ssl.SSLContext | None) -> AsyncIterator[Self]:
        """Connect and ask; the connection is closed when the body ends."""
        host, port = split(address)
        reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=host if tls else None)
        try:
            _notice_loss(writer)
            link = cls(reader, tls=tls is not None)
            writer.write(link.request(address, target))
            yield link
        finally:
            writer.transport.abort()

    def request(self, address: str, target: str) -> bytes:
        """The bytes that ask for target."""
        request = h11.Request(method="GET", target=target, headers=[("Host", address), ("Connection", "close")])
        return (self._http.send(request) or b"") + (self._http.send(h11.EndOfMessage()) or b"")

    async def accepted(self) -> None:
        """Returns when the endpoint begins to answer. NotAnswered when it refuses."""
        event = await self._next()
        if isinstance(event, h11.Response) and event.status_code != 200:
            raise NotAnswered(f"it answered {event.status_code}: {await self._complaint()}")

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The answer's body, piece by piece."""
        while not isinstance(event := await self._next(), h11.EndOfMessage):
            if isinstance(event, h11.Data):
                yield bytes(event.data)

    async def _next(self) -> h11.Event:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            data = await self._reader.read(_READ)
            if not data and self._http.their_state is h11.SEND_RESPONSE:
                why = "it may not trust the certificate of this host" if self._tls else "it may want TLS"
                raise NotAnswered(f"it closed the connection ({why})")
            self._http.receive_data(data)
        if not isinstance(event, h11.Event):
            raise NotAnswered("it went on to something else than HTTP")
        return event

    async def _complaint(self) -> str:
        said = b""
        async for chunk in self.chunks():
            said += chunk
            if len(said) > _MAX_COMPLAINT:
                break
        return said.decode(errors="replace").partition("\n")[0].strip() or "without a word"


def _notice_loss(writer: asyncio.StreamWriter) -> None:
    """Let the kernel end the connection to a host that vanished without a word."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
