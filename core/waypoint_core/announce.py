"""A daemon's own key in the registry: under a lease of its own, and written again when it is lost or overwritten."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from typing import Any

from waypoint_core.codec import encode
from waypoint_core.errors import LeaseLost, RegistryError
from waypoint_core.registry import Lease, Registry, Removed, Rewound, Synced, WatchEvent, Written

_RETRY = 0.5
_MEND_PAUSE = 1.0
log = logging.getLogger("waypoint.announce")


class Announcement:
    """One key with one record, for as long as it runs."""

    def __init__(self, registry: Registry, key: str, alive: Any, ttl: float) -> None:
        self._registry = registry
        self._key = key
        self._value = encode(alive)
        self._ttl = ttl
        self._lease: Lease | None = None
        self._due = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; then the key goes at once."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._write()
                group.create_task(self._watch_over(), name="watch over the announcement")
                while True:
                    await self._due.wait()
                    self._due.clear()
                    await self._write()
        finally:
            await self._withdraw()

    async def _write(self) -> None:
        while True:
            try:
                await self._put()
            except RegistryError as error:
                log.debug("cannot announce this daemon: %s", error)
                await asyncio.sleep(_RETRY * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            else:
                return

    async def _put(self) -> None:
        """Under the lease that there is; under a new one once that is lost, which the put may be the first to tell."""
        if self._lease and not self._lease.lost.is_set():
            with suppress(LeaseLost):
                await self._registry.put(self._key, self._value, lease=self._lease.id)
                return
        self._lease = await self._registry.lease(self._ttl)
        await self._registry.put(self._key, self._value, lease=self._lease.id)

    async def _watch_over(self) -> None:
        there = False
        async with self._registry.watch(self._key) as events:
            async for event in events:
                there = there or (isinstance(event, Written) and event.entry.key == self._key)
                # What goes before the first listing is never told to have gone.
                if self._is_wrong(event) or (isinstance(event, Synced) and not there):
                    log.warning("%s is not what this daemon wrote: it is written again", self._key)
                    # After a pause: two who write the same key must not do so as fast as they can.
                    asyncio.get_running_loop().call_later(_MEND_PAUSE, self._due.set)

    def _is_wrong(self, event: WatchEvent) -> bool:
        match event:
            case Written(entry) if entry.key == self._key:
                return entry.value != self._value or (self._lease is not None and entry.lease != self._lease.id)
            case Removed(key):
                return key == self._key
            case Rewound():
                return True
        return False

    async def _withdraw(self) -> None:
        if self._lease:
            with suppress(RegistryError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._lease.revoke()
