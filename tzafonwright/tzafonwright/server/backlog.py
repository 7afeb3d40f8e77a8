"""What is told to a client and waits until it reads: so many bytes at most, of which the oldest go."""

from __future__ import annotations

import asyncio
from collections import deque

_MOST = 16 * 1024 * 1024
_BESIDE = 64  # what a frame takes beside its bytes; most are small


class Backlog:
    """Frames in order."""

    def __init__(self) -> None:
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._some = asyncio.Event()

    def put(self, frame: bytes) -> None:
        """One more, in place of the oldest where there are too many."""
        self._frames.append(frame)
        self._bytes += len(frame) + _BESIDE
        while self._bytes > _MOST:
            self._pop()
        self._some.set()

    async def take(self) -> bytes:
        """The oldest; waits until there is one."""
        while not self._frames:
            self._some.clear()
            await self._some.wait()
        return self._pop()

    def _pop(self) -> bytes:
        frame = self._frames.popleft()
        self._bytes -= len(frame) + _BESIDE
        return frame
