"""The registry in one process, for unit tests: same contracts, plus the handles that let a test break things.

registry.available = False      calls raise RegistryUnavailable, watches report Stale and hold back events
registry.available = True       watches deliver what they held back, then Synced
registry.expire(lease)          the lease (or the one of this id) runs out, as if its owner had stopped renewing it
registry.restore(registry.snapshot())   history is replaced; watches report Rewound
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from waypoint_core.errors import LeaseLost, RegistryRefused, RegistryUnavailable
from waypoint_core.registry import (
    MAX_OPERATIONS,
    Absent,
    Condition,
    Delete,
    Entry,
    Get,
    Listing,
    Operation,
    Outcome,
    Present,
    Put,
    Removed,
    Rewound,
    Stale,
    Synced,
    Unchanged,
    WatchEvent,
    Written,
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All entries and the revision they stood at."""

    entries: Mapping[str, Entry]
    revision: int


class MemoryLease:
    """A lease that lives until it is revoked or the test lets it expire."""

    def __init__(self, registry: MemoryRegistry, lease_id: int, ttl: float) -> None:
        self._registry = registry
        self._id = lease_id
        self._ttl = float(math.ceil(ttl))
        self._lost = asyncio.Event()
        self._last_renewal = time.monotonic()

    @property
    def id(self) -> int:
        """The id to put keys under."""
        return self._id

    @property
    def lost(self) -> asyncio.Event:
        """Set once, when the lease has expired or was revoked, and the registry can say so."""
        return self._lost

    @property
    def alive_until(self) -> float:
        """TTL seconds from now, or from the start of the outage."""
        if self._registry.available and not self._lost.is_set():
            self.renewed()
        return self._last_renewal + self._ttl

    def renewed(self) -> None:
        """Count the TTL from now."""
        self._last_renewal = time.monotonic()

    async def revoke(self) -> None:
        """End the lease and delete its keys."""
        self._registry.require()
        self._registry.expire(self)


class _GrantedLease(MemoryLease):
    """A lease that runs out unless it is renewed; the end of an outage renews it, as etcd does."""

    def __init__(self, registry: MemoryRegistry, lease_id: int, ttl: float) -> None:
        super().__init__(registry, lease_id, ttl)
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._ttl, self._run_out)

    @property
    def alive_until(self) -> float:
        """TTL seconds after the last renewal."""
        return self._last_renewal + self._ttl

    def renewed(self) -> None:
        """Count the TTL from now."""
        super().renewed()
        self._timer.cancel()
        self._timer = self._loop.call_later(self._ttl, self._run_out)

    def _run_out(self) -> None:
        if self._registry.available:
            self._registry.expire(self)


class _Watch(AsyncIterator[WatchEvent]):
    """One watcher: what it will be told, and what is held back while the registry is away."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self._events: asyncio.Queue[WatchEvent] = asyncio.Queue()
        self._held: list[WatchEvent] | None = None

    async def __anext__(self) -> WatchEvent:
        return await self._events.get()

    def tell(self, events: Iterable[WatchEvent]) -> None:
        """Deliver now, or after the outage."""
        for event in events:
            if self._held is None:
                self._events.put_nowait(event)
            else:
                self._held.append(event)

    def hold(self) -> None:
        """The registry went away."""
        self.tell([Stale("the registry was made unavailable")])
        self._held = []

    def resume(self, revision: int) -> None:
        """The registry came back."""
        held, self._held = self._held or [], None
        if not (held and isinstance(held[-1], Synced)):
            held.append(Synced(revision))
        self.tell(held)


class MemoryRegistry:
    """A Registry; see there for the contracts."""

    def __init__(self) -> None:
        self.revision = 1
        self._entries: dict[str, Entry] = {}
        self._leases: dict[int, MemoryLease] = {}
        self._expired_in_outage: list[MemoryLease] = []
        self._ids = itertools.count(0x5EA5E)
        self._watches: set[_Watch] = set()
        self._available = True

    @property
    def available(self) -> bool:
        """Whether calls are answered and watches delivered."""
        return self._available

    @available.setter
    def available(self, available: bool) -> None:
        if available == self._available:
            return
        for lease in self._leases.values():
            lease.renewed()
        self._available = available
        for watch in self._watches:
            watch.resume(self.revision) if available else watch.hold()
        while available and self._expired_in_outage:
            self._expired_in_outage.pop().lost.set()

    def require(self) -> None:
        """RegistryUnavailable during an outage."""
        if not self._available:
            raise RegistryUnavailable("cannot reach the registry: it was made unavailable")

    def expire(self, which: MemoryLease | int) -> None:
        """Let a lease run out; during an outage its owner learns of it at the end."""
        lease = self._leases.pop(which if isinstance(which, int) else which.id, None)
        if lease is None:
            return
        keys = [key for key, entry in self._entries.items() if entry.lease == lease.id]
        self._apply([Delete(key) for key in keys])
        if self._available:
            lease.lost.set()
        else:
            self._expired_in_outage.append(lease)

    def snapshot(self) -> Snapshot:
        """The whole registry as it stands, to restore later."""
        return Snapshot(dict(self._entries), self.revision)

    def restore(self, snapshot: Snapshot) -> None:
        """Replace entries and revision, as when an operator restores a backup."""
        before = self._entries
        self._entries = dict(snapshot.entries)
        self.revision = snapshot.revision
        for watch in self._watches:
            gone = [Removed(key, self.revision) for key in sorted(before) if key not in self._entries]
            told: Sequence[WatchEvent] = (*gone, *self._written())
            watch.tell([Rewound(f"revision went back to {self.revision}")])
            watch.tell(event for event in told if _concerns(event, watch.prefix))
            watch.tell([Synced(self.revision)])

    async def get(self, key: str) -> Entry | None:
        """The entry, or None."""
        self.require()
        return self._entries.get(key)

    async def list(self, prefix: str) -> Listing:
        """All entries below prefix."""
        self.require()
        found = sorted(key for key in self._entries if key.startswith(prefix))
        return Listing(tuple(self._entries[key] for key in found), self.revision)

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write one key."""
        self.require()
        self._check_leases([Put(key, value, lease)])
        self._apply([Put(key, value, lease)])
        return self.revision

    async def delete(self, key: str) -> bool:
        """Remove one key."""
        self.require()
        existed = key in self._entries
        self._apply([Delete(key)])
        return existed

    async def transact(
        self,
        conditions: Sequence[Condition],
        then: Sequence[Operation],
        otherwise: Sequence[Operation] = (),
    ) -> Outcome:
        """Run one of two branches atomically."""
        self.require()
        for branch in (then, otherwise):
            _check_branch(branch)
        succeeded = all(self._holds(condition) for condition in conditions)
        branch = then if succeeded else otherwise
        self._check_leases(branch)
        reads = self._apply(branch)
        return Outcome(succeeded, self.revision, tuple(reads))

    async def lease(self, ttl: float) -> MemoryLease:
        """A new lease, which lives until `expire` or revoke."""
        self.require()
        lease = MemoryLease(self, next(self._ids), ttl)
        self._leases[lease.id] = lease
        return lease

    async def grant(self, ttl: float) -> int:
        """A new lease that runs out after ttl seconds without `renew`."""
        self.require()
        lease = _GrantedLease(self, next(self._ids), ttl)
        self._leases[lease.id] = lease
        return lease.id

    async def renew(self, lease: int) -> None:
        """Start a lease's TTL anew."""
        self._known(lease).renewed()

    async def remaining(self, lease: int) -> float:
        """Seconds that are left of a lease's TTL."""
        return max(0.0, self._known(lease).alive_until - time.monotonic())

    @contextlib.asynccontextmanager
    async def watch(self, prefix: str) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Follow a prefix."""
        watch = _Watch(prefix)
        if not self._available:
            watch.hold()
        watch.tell([*(event for event in self._written() if _concerns(event, prefix)), Synced(self.revision)])
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)

    def _written(self) -> Sequence[Written]:
        return [Written(self._entries[key]) for key in sorted(self._entries)]

    def _holds(self, condition: Condition) -> bool:
        entry = self._entries.get(condition.key)
        match condition:
            case Absent():
                return entry is None
            case Present():
                return entry is not None
            case Unchanged(mod_revision=seen):
                return (entry.mod_revision if entry else 0) == seen
            case _:
                assert_never(condition)

    def _known(self, lease: int) -> MemoryLease:
        self.require()
        if lease not in self._leases:
            raise LeaseLost(f"cannot find lease {lease:x}: it is unknown")
        return self._leases[lease]

    def _check_leases(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            if isinstance(operation, Put) and operation.lease and operation.lease not in self._leases:
                raise LeaseLost(f"cannot put {operation.key}: lease {operation.lease:x} not found")

    def _apply(self, operations: Sequence[Operation]) -> Sequence[Entry | None]:
        """Carry out one branch; all its changes share one new revision."""
        revision = self.revision + 1
        reads: list[Entry | None] = []
        events: list[WatchEvent] = []
        for operation in operations:
            match operation:
                case Get(key=key):
                    reads.append(self._entries.get(key))
                case Put():
                    events.append(self._write(operation, revision))
                case Delete(key=key):
                    if self._entries.pop(key, None):
                        events.append(Removed(key, revision))
                case _:
                    assert_never(operation)
        if events:
            self.revision = revision
            self._tell(events)
        return reads

    def _write(self, put: Put, revision: int) -> Written:
        old = self._entries.get(put.key)
        new = Entry(put.key, put.value, revision, revision, put.lease)
        self._entries[put.key] = replace(new, create_revision=old.create_revision) if old else new
        return Written(self._entries[put.key])

    def _tell(self, events: Sequence[WatchEvent]) -> None:
        for watch in self._watches:
            watch.tell(event for event in events if _concerns(event, watch.prefix))


def _concerns(event: WatchEvent, prefix: str) -> bool:
    match event:
        case Written(entry=entry):
            return entry.key.startswith(prefix)
        case Removed(key=key):
            return key.startswith(prefix)
        case _:
            return True


def _check_branch(operations: Sequence[Operation]) -> None:
    if len(operations) > MAX_OPERATIONS:
        raise RegistryRefused(
            f"cannot run a transaction of {len(operations)} operations: {MAX_OPERATIONS} is the limit"
        )
    puts = [operation.key for operation in operations if isinstance(operation, Put)]
    deletes = {operation.key for operation in operations if isinstance(operation, Delete)}
    if len(puts) != len(set(puts) - deletes):
        raise RegistryRefused("cannot run a transaction that changes one key twice")
