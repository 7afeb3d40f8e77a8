"""One client of the status endpoint: its deadlines, and streams that end when it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from waypoint_core.errors import WaypointError
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.status.exchange import ClientLeft, Exchange
from waypoint_core.status.routes import Head, Refused, Response, Routes

log = logging.getLogger("waypoint.status")

HEAD_TIMEOUT = 5.0
_SEND_TIMEOUT = 30.0
_CLOSE_TIMEOUT = 5.0
_READ = 16 * 1024


class Connection:
    """Answers one request over streams that its caller closes."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exchange: Exchange, routes: Routes
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._exchange = exchange
        self._routes = routes

    async def run(self) -> None:
        """Answer, and see the answer off. ClientLeft when the client did not wait for it."""
        try:
            response = await self._routes.answer(await self._head())
        except Refused as refused:
            response = refused.response
        await self._send(response)
        await self._close()

    async def _head(self) -> Head:
        try:
            async with asyncio.timeout(HEAD_TIMEOUT):
                head = None
                while head is None:
                    head = self._exchange.received(await self._reader.read(_READ))
                return head
        except TimeoutError:
            raise Refused(408, f"cannot wait any longer for this request: {HEAD_TIMEOUT:g} s have passed") from None

    async def _send(self, response: Response) -> None:
        head = self._exchange.begin(response)
        if isinstance(response.body, bytes):
            body = self._exchange.data(response.body) if self._exchange.wants_body else b""
            await self._write(head + body + self._exchange.end())
        else:
            async with _closing(response.body) as chunks:
                await self._write(head)
                await self._stream(chunks)

    async def _stream(self, chunks: AsyncIterator[bytes]) -> None:
        async with TaskOwner() as tasks:
            leaving = tasks.start(self._left(), name="status client leaves")
            sending = tasks.start(self._send_all(chunks), name="status answer")
            await asyncio.wait({leaving, sending}, return_when=asyncio.FIRST_COMPLETED)
        if sending.cancelled():
            raise ClientLeft

    async def _send_all(self, chunks: AsyncIterator[bytes]) -> None:
        try:
            if self._exchange.wants_body:
                async for chunk in chunks:
                    await self._write(self._exchange.data(chunk))
            await self._write(self._exchange.end())
        except ClientLeft:
            self._writer.transport.abort()
        # The end is missing then, by which the client knows that there was more to come.
        except WaypointError as error:
            log.warning("cannot finish an answer: %s", error)
            self._writer.transport.abort()
        except Exception:
            log.exception("cannot finish an answer")
            self._writer.transport.abort()

    async def _left(self) -> None:
        """Returns when the client has left, or says that it will send no more."""
        with contextlib.suppress(OSError):
            while await self._reader.read(_READ):
                pass

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        try:
            async with asyncio.timeout(_SEND_TIMEOUT):
                await self._writer.drain()
        except OSError as error:
            raise ClientLeft from error

    async def _close(self) -> None:
        """Close once everything is sent, or the client does not take it."""
        self._writer.close()
        with contextlib.suppress(OSError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await self._writer.wait_closed()


@contextlib.asynccontextmanager
async def _closing(chunks: AsyncIterator[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    try:
        yield chunks
    finally:
        if (close := getattr(chunks, "aclose", None)) is not None:
            await close()
