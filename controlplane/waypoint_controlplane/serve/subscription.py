"""One subscriber's stream: updates are made as the fleet changes, and wait here until the subscriber takes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from waypoint_controlplane.fleet import Change
from waypoint_controlplane.follow import Follower, TooSlow
from waypoint_controlplane.serve.updates import Update, Updates

BACKLOG = 10_000


class Subscription:
    """The updates that wait; at most BACKLOG."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates
        self._waiting: asyncio.Queue[Update] = asyncio.Queue()
        self._behind = False

    @contextmanager
    def following(self, follower: Follower) -> Iterator[None]:
        """Inside `with`, updates are made; of what happens from its first line on nothing is missing."""
        with follower.listening(self._take):
            yield

    async def next(self) -> Update:
        """The next update. TooSlow once the subscriber has fallen too far behind."""
        if self._behind:
            raise TooSlow(f"cannot keep more than {BACKLOG} updates for a subscriber that does not take them")
        return await self._waiting.get()

    def _take(self, change: Change | None) -> None:
        if change and not self._behind:
            for update in self._updates.take(change, time.monotonic()):
                self._waiting.put_nowait(update)
            self._behind = self._waiting.qsize() >= BACKLOG
