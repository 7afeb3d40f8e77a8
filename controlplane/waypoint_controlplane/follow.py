"""Keeps the fleet's tables current, and tells who wants to know of each change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

from waypoint_controlplane.fleet import Change, Fleet
from waypoint_core.registry import Registry

_QUEUE = 10_000


class TooSlow(Exception):
    """A listener fell behind by more changes than are kept for it."""


class Follower:
    """Feeds the fleet from one watch. Changes are told only once the first listing is complete."""

    def __init__(self, registry: Registry, fleet: Fleet) -> None:
        self._registry = registry
        self.fleet = fleet
        self._listeners: set[Callable[[Change | None], None]] = set()
        self._moved = asyncio.Condition()
        self._listed = False

    async def run(self) -> None:
        """Until cancelled."""
        async with self._registry.watch(self.fleet.keys.prefix) as events:
            async for event in events:
                change = self.fleet.apply(event)
                self._listed = self._listed or self.fleet.synced
                if self._listed:
                    for listener in tuple(self._listeners):
                        listener(change)
                async with self._moved:
                    self._moved.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Returns once this holds; asked again after each event."""
        async with self._moved:
            await self._moved.wait_for(holds)

    async def listed(self) -> None:
        """Returns once the first listing is complete."""
        await self.until(lambda: self._listed)

    async def reached(self, revision: int) -> None:
        """Returns once the tables show this revision: after a write of one's own, before its effect is read."""
        # A listing comes in key order: while it lasts, its highest revision says nothing about the other keys.
        await self.until(lambda: self.fleet.synced and self.fleet.revision >= revision)

    @contextmanager
    def listening(self, listener: Callable[[Change | None], None]) -> Iterator[None]:
        """Inside `with`, the listener is told each change, and None when only the fleet's currency changed."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def changes(self) -> AsyncIterator[Change]:
        """Every change from now on. TooSlow when the caller falls too far behind."""
        queue: asyncio.Queue[Change] = asyncio.Queue()
        behind = asyncio.Event()

        def keep(change: Change | None) -> None:
            if change and not behind.is_set():
                queue.put_nowait(change)
                if queue.qsize() >= _QUEUE:
                    behind.set()

        # Nothing more is kept once the caller is behind, which may never come back for what was.
        with self.listening(keep):
            while not behind.is_set():
                yield await queue.get()
        raise TooSlow(f"cannot keep more than {_QUEUE} changes for a reader that does not take them")
