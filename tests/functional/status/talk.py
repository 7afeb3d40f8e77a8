"""A client that says exactly what it is told to, and routes that tell what happens to them."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from waypoint_core.address import split
from waypoint_core.status.server import Request, Response


@contextlib.asynccontextmanager
async def connected(
    address: str, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, port = split(address)
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=host if tls else None)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def say(address: str, said: bytes, tls: ssl.SSLContext | None = None) -> bytes:
    """All that is answered until the endpoint closes."""
    async with asyncio.timeout(30), connected(address, tls) as (reader, writer):
        writer.write(said)
        return await reader.read()


def get(path: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def status(answer: bytes) -> int:
    return int(answer.split()[1])


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


async def echo(request: Request) -> Response:
    """Says what it was asked."""
    return Response(f"{request.path} {dict(request.query)}".encode(), "text/plain")


@dataclass
class Ticker:
    """A route that streams what is put into `lines` (None ends it), and tells when it was closed."""

    lines: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    async def route(self, _: Request) -> Response:
        return Response(self.stream(), "application/jsonl")

    async def stream(self) -> AsyncIterator[bytes]:
        try:
            self.begun.set()
            while (line := await self.lines.get()) is not None:
                yield line
        finally:
            self.closed.set()
