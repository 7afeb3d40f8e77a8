"""What goes to the server: one frame after the other, for as long as the server takes them. Asyncio."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import broadcast

_PULSE = 1.0


@dataclass(eq=False)
class _Place:
    """In the line of those who want to send. Its turn fails when the time is up before it comes."""

    turn: asyncio.Future[None]
    patience: float
    taken: int
    since: float
    timer: asyncio.TimerHandle | None = None


class Outbox:
    """Frames in the order in which they were asked for; only one at a time waits in the socket's buffer.

    A large frame may take as long as it takes. Where nothing gets through any more, the connection is given up, and
    `stalled` says so: what is in the buffer cannot be taken back, and everything else would wait behind it for ever.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.stalled = ""
        self._socket = socket
        self._line: deque[_Place] = deque()
        self._written = 0

    async def send(self, pack: Callable[[], bytes], patience: float) -> None:
        """Send what pack gives when its turn comes. TimeoutError when nothing got through for so long before that."""
        place = self._join(patience)
        try:
            await place.turn
            frame = pack()
            self._written += len(frame)
            await self._socket.send(frame)
        finally:
            self._leave(place)

    def slip_in(self, frame: bytes) -> None:
        """Send something small at once, without waiting until it is taken."""
        self._written += len(frame)
        broadcast([self._socket], frame)

    def _join(self, patience: float) -> _Place:
        loop = asyncio.get_running_loop()
        place = _Place(loop.create_future(), patience, self._taken(), loop.time())
        self._line.append(place)
        self._advance()
        self._watch(place)
        return place

    def _leave(self, place: _Place) -> None:
        if place.timer:
            place.timer.cancel()
        self._line.remove(place)
        self._advance()

    def _advance(self) -> None:
        if self._line and not self._line[0].turn.done():
            self._line[0].turn.set_result(None)

    def _watch(self, place: _Place) -> None:
        """Nobody tells when a part of the buffer was taken, so this looks from time to time."""
        loop = asyncio.get_running_loop()
        if (taken := self._taken()) > place.taken:
            place.taken, place.since = taken, loop.time()
        left = place.since + place.patience - loop.time()
        if left > 0:
            place.timer = loop.call_later(min(left, _PULSE), self._watch, place)
        elif not place.turn.done():
            place.turn.set_exception(TimeoutError())
        else:
            self.stalled = f"nothing that was sent got through for {place.patience:g} s"
            self._socket.transport.abort()

    def _taken(self) -> int:
        """Bytes that have left for the server."""
        transport = self._socket.transport
        return self._written - (0 if transport.is_closing() else transport.get_write_buffer_size())
