"""This host's keys in the registry: under its lease, written on change, for ever.

What should be there is asked for anew each time; what is there is remembered as far as it is known. Instances that
are gone go together with their claims. What somebody else writes over our keys, or removes, is written again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from waypoint_agent.units import names_browser
from waypoint_core.errors import LeaseLost, RegistryError
from waypoint_core.keys import Keys
from waypoint_core.registry import (
    MAX_OPERATIONS,
    Absent,
    Delete,
    Lease,
    Operation,
    Put,
    Registry,
    Removed,
    Rewound,
    Synced,
    Written,
)

log = logging.getLogger("waypoint.agent.publish")

_RETRY = (0.2, 3.0)
_MEND_PAUSE = 1.0

Wanted = Mapping[str, bytes | None]
"""Keys to their values; None for a key that is to be left as it is."""


class Publisher:
    """Keeps the host's keys as wanted() says; poke() it after a change."""

    def __init__(self, registry: Registry, keys: Keys, host: str, ttl: float, wanted: Callable[[], Wanted]) -> None:
        self._registry = registry
        self._keys = keys
        self._host = host
        self._instances = keys.host_instances(host)
        self._prefixes = (keys.host(host), self._instances)
        self._ttl = ttl
        self._wanted = wanted
        self._written: dict[str, bytes | None] = {}
        self._revisions: dict[str, int] = {}
        self._seen: dict[str, int] = {}
        self._poked = asyncio.Event()
        self._writing = asyncio.Lock()
        self._outage = _Outage()

    def poke(self) -> None:
        """Something may have changed."""
        self._poked.set()

    async def run(self) -> None:
        """Publish for ever; a lost lease is replaced by a new one with everything under it."""
        async with asyncio.TaskGroup() as group:
            for prefix in self._prefixes:
                group.create_task(self._watch_over(prefix), name=f"watch over {prefix}")
            await self._keep_publishing()

    async def _keep_publishing(self) -> None:
        while True:
            try:
                found = await self._registry.list(self._instances)
                # Last: a lease that is not used is renewed all the same, until the process ends.
                lease = await self._registry.lease(self._ttl)
            except RegistryError as error:
                await self._outage.pause(error)
                continue
            async with self._writing:
                self._doubt(entry.key for entry in found.entries if self._is_ours(entry.key))
            log.info("lease %x granted, %d keys of former times found", lease.id, len(self._written))
            await self._publish_under(lease)
            log.warning("lease %x lost: everything is written again", lease.id)

    async def withdraw(self, instance: str) -> bool:
        """Delete an instance's key if nobody has claimed it; whether that is now so. RegistryError if unknown."""
        key = self._keys.instance(self._host, instance)
        async with self._writing:
            # Until the answer is there, what the key holds is unknown: it would be written again.
            self._written[key] = None
            outcome = await self._registry.transact([Absent(self._keys.claim(instance))], [Delete(key)])
            if outcome.succeeded:
                self._drop(key)
            return outcome.succeeded

    async def forget(self, instances: Sequence[str]) -> None:
        """Delete kill requests and claims of instances that are gone. RegistryError if that failed."""
        gone = [
            Delete(key)
            for instance in instances
            for key in (self._keys.desired_instance(self._host, instance), self._keys.claim(instance))
        ]
        for batch in _batches([[operation] for operation in gone]):
            await self._registry.transact([], batch)

    async def _publish_under(self, lease: Lease) -> None:
        async with asyncio.TaskGroup() as group:
            waking = group.create_task(self._wake_at_loss(lease), name="lease loss")
            self._poked.set()
            while not lease.lost.is_set():
                await self._poked.wait()
                self._poked.clear()
                try:
                    async with self._writing:
                        await self._write_changes(lease)
                    self._outage.over()
                except LeaseLost:
                    break
                except RegistryError as error:
                    self._poked.set()
                    await self._outage.pause(error)
            waking.cancel()

    async def _watch_over(self, prefix: str) -> None:
        """Notice for ever what others do to our keys."""
        restored = False
        async with self._registry.watch(prefix) as events:
            async for event in events:
                match event:
                    case Written(entry) if restored and self._is_ours(entry.key) and entry.key not in self._written:
                        log.warning("%s is back, though its browser is gone: it is deleted again", entry.key)
                        self._written[entry.key] = None
                        self.poke()
                    case Written(entry):
                        self._noticed(entry.key, entry.mod_revision)
                    case Removed(key, revision):
                        self._noticed(key, revision)
                    case Rewound():
                        # What is being written may have gone to the registry as it was before.
                        async with self._writing:
                            self._doubt(self._written)
                        self.poke()
                        restored = True
                    case Synced():
                        restored = False

    def _noticed(self, key: str, revision: int) -> None:
        """A key changed at this revision, by our hand or another's."""
        if key not in self._written or revision <= self._revisions.get(key, 0):
            return
        if self._written[key] is None:
            # A write of ours is under way: whose change this is will be known when it is answered.
            self._seen[key] = revision
            return
        log.warning("%s was changed by somebody else: it is written again", key)
        self._written[key] = None
        # After a pause: two who write the same key must not do so as fast as they can.
        asyncio.get_running_loop().call_later(_MEND_PAUSE, self.poke)

    def _doubt(self, keys: Iterable[str]) -> None:
        """From now on these keys are ours, and nobody knows what they hold. Only between two writes."""
        self._written = dict.fromkeys(keys)
        self._revisions.clear()
        self._seen.clear()

    def _drop(self, key: str) -> None:
        """The key is gone, and so is what was known of it."""
        self._written.pop(key, None)
        self._revisions.pop(key, None)
        self._seen.pop(key, None)

    async def _wake_at_loss(self, lease: Lease) -> None:
        await lease.lost.wait()
        self._poked.set()

    async def _write_changes(self, lease: Lease) -> None:
        wanted = self._wanted()
        changes = {key: value for key, value in wanted.items() if value is not None and self._written.get(key) != value}
        gone = [key for key in self._written if key not in wanted]
        # From here until the answers are there, nobody knows what these keys hold.
        self._written |= dict.fromkeys([*changes, *gone])
        groups: list[list[Operation]] = [[Put(key, value, lease.id)] for key, value in changes.items()]
        groups += [self._removal(key) for key in gone]
        revisions: dict[str, int] = {}
        for batch in _batches(groups):
            outcome = await self._registry.transact([], batch)
            revisions |= dict.fromkeys((item.key for item in batch), outcome.revision)
        self._written |= changes
        for key in gone:
            self._drop(key)
        for key in changes:
            self._revisions[key] = revisions[key]
            self._noticed(key, self._seen.pop(key, 0))

    def _is_ours(self, key: str) -> bool:
        """Another program may have registered something on this host: that is its own affair."""
        return names_browser(key.removeprefix(self._instances), self._host)

    def _removal(self, key: str) -> list[Operation]:
        if not key.startswith(self._instances):
            return [Delete(key)]
        return [Delete(key), Delete(self._keys.claim(key.removeprefix(self._instances)))]


def _batches(groups: Iterable[list[Operation]]) -> Iterator[list[Operation]]:
    """Transactions of at most MAX_OPERATIONS that keep each group together."""
    batch: list[Operation] = []
    for group in groups:
        if len(batch) + len(group) > MAX_OPERATIONS:
            yield batch
            batch = []
        batch += group
    if batch:
        yield batch


class _Outage:
    """Says once that an outage began and once that it is over; pauses longer each time in between."""

    def __init__(self) -> None:
        self._pauses = 0

    async def pause(self, error: RegistryError) -> None:
        if not self._pauses:
            log.warning("browsers go on, but this host's keys are not written for now: %s", error)
        shortest, longest = _RETRY
        pause = min(shortest * 2**self._pauses, longest)
        self._pauses = min(self._pauses + 1, 10)
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter

    def over(self) -> None:
        if self._pauses:
            log.info("this host's keys are written again")
        self._pauses = 0
