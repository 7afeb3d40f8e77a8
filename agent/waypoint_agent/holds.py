"""The local socket on which the host's gateway holds and releases instances; see `waypoint_core.hold`."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from waypoint_agent.pool import Pool
from waypoint_core.errors import HoldError
from waypoint_core.hold import EndCause, Ended, Held, Hold, Lines, Message, Refused, Release, encode
from waypoint_core.service import local_socket

log = logging.getLogger("waypoint.agent.holds")

_CHUNK = 64 * 1024
_MAX_UNREAD = 1024 * 1024


class Connection:
    """One gateway. What it held is released at the end of its connection, whatever ended it."""

    def __init__(self, pool: Pool, writer: asyncio.StreamWriter) -> None:
        self._pool = pool
        self._writer = writer

    def ended(self, instance: str, cause: EndCause, detail: str) -> None:
        """Tell the gateway that its instance is gone."""
        self._send(Ended(instance, cause, detail))

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer until the gateway goes or breaks the protocol."""
        lines = Lines()
        try:
            while data := await reader.read(_CHUNK):
                for message in lines.feed(data):
                    self._answer(message)
        except HoldError as error:
            log.warning("%s; the connection is closed", error)
        except OSError as error:
            log.warning("cannot read from the gateway: %s", error)
        finally:
            self._pool.drop(self)
            self._writer.close()

    def _answer(self, message: Message) -> None:
        match message:
            case Hold(instance, session, again):
                refusal = self._pool.hold(instance, session, self, again=again)
                self._send(Refused(instance, refusal) if refusal else Held(instance))
            case Release(instance, reason):
                self._pool.release(instance, reason, self)
            case _:
                raise HoldError(f"cannot answer {type(message).__name__}: a gateway does not say that")

    def _send(self, message: Message) -> None:
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() > _MAX_UNREAD:
            log.warning("the gateway does not read what it is told; the connection is closed")
            self._writer.transport.abort()
            return
        self._writer.write(encode(message))


@asynccontextmanager
async def serve(pool: Pool, passed: list[socket.socket], path: str) -> AsyncIterator[None]:
    """Listen on systemd's socket, or, started by hand, on one of our own at path."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(pool, writer).serve(reader)

    server = await asyncio.start_unix_server(connected, sock=local_socket(passed, path, 0o660))
    try:
        yield
    finally:
        server.close()
