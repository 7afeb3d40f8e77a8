"""A waiting line: who joins first goes first. A place is taken without waiting, so that order is that of arrival."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Line:
    """Places in order; the first of them has its turn until it leaves."""

    def __init__(self) -> None:
        self._places: deque[Place] = deque()

    def join(self) -> Place:
        """A place at the end. It must be entered, or left."""
        place = Place(self)
        self._places.append(place)
        self.advance()
        return place

    def leave(self, place: Place) -> None:
        """Make room; leaving twice is fine."""
        if place in self._places:
            self._places.remove(place)
            self.advance()

    def advance(self) -> None:
        """Give the first place its turn."""
        if self._places and not self._places[0].turn.done():
            self._places[0].turn.set_result(None)


class Place:
    """`async with place:` waits for the turn and keeps it until the end of the block."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self.turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def leave(self) -> None:
        """Give the place up."""
        self._line.leave(self)

    async def comes(self) -> None:
        """Waits for the turn."""
        if not self.turn.done():
            await asyncio.wait([self.turn])

    async def __aenter__(self) -> None:
        try:
            await self.comes()
        except BaseException:
            self.leave()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
