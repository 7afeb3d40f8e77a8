"""Answers on their way to a client, which may read them late, or never."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

_MOST = 32 * 1024 * 1024


class Answers:
    """Counts what the client has not taken yet, so that no more is done for it than it reads."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        self.unread = 0
        self._send = send
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    @property
    def full(self) -> bool:
        """Whether nothing may begin whose answer comes on top."""
        return not self._room.is_set()

    async def room(self) -> None:
        """Waits until something may begin again."""
        await self._room.wait()

    async def send(self, frame: bytes) -> None:
        """Ends when the client has taken it."""
        self._count(1, len(frame))
        try:
            await self._send(frame)
        finally:
            self._count(-1, -len(frame))

    def _count(self, frames: int, size: int) -> None:
        self.unread += frames
        self._bytes += size
        if self._bytes > _MOST:
            self._room.clear()
        else:
            self._room.set()
