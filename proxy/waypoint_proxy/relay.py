"""Raw bytes both ways between two connected sockets, with back-pressure; frames are followed, never decoded.

Sockets are read and written directly from the loop's readiness callbacks: one recv and one send a chunk, no
transport, no queue, no task. What one side does not take at once is the only thing that is ever held back, and
while it is, the other side is not read.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import mmap
import socket
from collections.abc import Callable
from dataclasses import dataclass

from waypoint_proxy.frames import PING, Follower
from waypoint_proxy.liveness import Gone, Liveness, Ping, vitals

# Every callback leaves it empty, so all connections can share it. It begins on a page: into a bytearray, which begins
# 16 bytes further on, the kernel's copies took half as long again.
_BUFFER = mmap.mmap(-1, 256 * 1024)
_VIEW = memoryview(_BUFFER)


class Side(enum.Enum):
    """Which side a connection ended from."""

    CLIENT = "client"
    BROWSER = "browser"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a connection ended; clean when a close frame was seen on its way, silent when its client was given up."""

    side: Side
    reason: str
    clean: bool
    silent: bool = False


class _Pipe:
    """One direction."""

    __slots__ = (
        "_failed",
        "_follow",
        "_loop",
        "_open",
        "_recv_into",
        "_send",
        "_sink",
        "_source",
        "follower",
        "pending",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        source: socket.socket,
        sink: socket.socket,
        failed: Callable[[_Pipe, bool], None],
    ) -> None:
        self._loop = loop
        self._source = source.fileno()
        self._sink = sink.fileno()
        self._recv_into = source.recv_into
        self._send = sink.send
        self._failed = failed
        self._open = False
        self.follower = Follower()
        self._follow = self.follower.feed
        self.pending = memoryview(b"")

    def start(self) -> None:
        self._open = True
        self._loop.add_reader(self._source, self._readable)

    def stop(self) -> None:
        self._open = False
        self._loop.remove_reader(self._source)
        self._loop.remove_writer(self._sink)

    def push(self, data: bytes) -> None:
        """Send these bytes after all that went before; the caller has seen to frame boundaries."""
        if self.pending:
            self.pending = memoryview(bytes(self.pending) + data)
        else:
            self._deliver(memoryview(data))

    def _readable(self) -> None:
        try:
            size = self._recv_into(_BUFFER)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if size:
            self._follow(_BUFFER, size)
            self._deliver(_VIEW[:size])
        else:
            self._fail(at_source=True)

    def _deliver(self, data: memoryview) -> None:
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._fail(at_source=False)
            return
        if sent < len(data):
            self.pending = memoryview(bytes(data[sent:]))
            self._loop.remove_reader(self._source)
            if self._open:
                self._loop.add_writer(self._sink, self._writable)

    def _writable(self) -> None:
        try:
            self.pending = self.pending[self._send(self.pending) :]
        except BlockingIOError:
            return
        except OSError:
            self._fail(at_source=False)
            return
        if not self.pending:
            self._loop.remove_writer(self._sink)
            self._loop.add_reader(self._source, self._readable)

    def _fail(self, *, at_source: bool) -> None:
        self.stop()
        self._failed(self, at_source)


class Relay:
    """One client connection and one browser connection, until either ends."""

    def __init__(self, client: socket.socket, browser: socket.socket, timeout: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._liveness = Liveness(timeout, self._loop.time())
        self._up = _Pipe(self._loop, client, browser, self._failed)
        self._down = _Pipe(self._loop, browser, client, self._failed)
        self._outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, head: bytes, down: bytes = b"", up: bytes = b"") -> Outcome:
        """Relay until the end. head is the answer to the upgrade; down is what the browser, up what the client
        has sent after its own already."""
        self._down.start()
        self._up.start()
        self._down.push(head + PING)
        for pipe, early in ((self._down, down), (self._up, up)):
            if early:
                pipe.follower.feed(early, len(early))
                pipe.push(early)
        self._timer = self._loop.call_later(self._liveness.tick, self._check)
        try:
            return await self._outcome
        finally:
            self._timer.cancel()
            self._up.stop()
            self._down.stop()

    def end(self, reason: str, side: Side = Side.PROXY, *, silent: bool = False) -> None:
        """End the connection from outside."""
        if not self._outcome.done():
            clean = self._up.follower.closed or self._down.follower.closed
            self._outcome.set_result(Outcome(side, reason, clean, silent))

    def farewell(self, frame: bytes) -> bytes:
        """What is left to send to the client, the close frame included if it may still be sent; b"" to just cut."""
        follower = self._down.follower
        if follower.closed:
            return bytes(self._down.pending)
        return bytes(self._down.pending) + frame if follower.at_boundary else b""

    def _failed(self, pipe: _Pipe, at_source: bool) -> None:
        if (pipe is self._up) is at_source:
            self.end("client left", Side.CLIENT)
        elif at_source:
            asked = self._up.follower.closed
            self.end("client left" if asked else "browser closed the connection", Side.BROWSER)
        # A browser that takes no more bytes may have sent some: its own end is yet to be read.

    def _check(self) -> None:
        try:
            seen = vitals(self._client, len(self._down.pending), self._up.follower.pongs)
        except OSError:
            self.end("client left", Side.CLIENT)
            return
        match self._liveness.judge(self._loop.time(), seen):
            case Gone(reason):
                self.end(reason, Side.CLIENT, silent=True)
            case Ping(size) if self._down.follower.at_boundary and not self._down.follower.closed:
                self._down.push(PING * (size // len(PING)))
        self._timer = self._loop.call_later(self._liveness.tick, self._check)


async def close(client: socket.socket, last: bytes, timeout: float) -> None:
    """Send the last bytes and take leave in order, so that no reset overtakes them; at most timeout seconds."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(timeout):
            await loop.sock_sendall(client, last)
            client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(client, 65536):
                pass
