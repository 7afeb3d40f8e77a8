"""The registry: ordered keys with revisions, leases, transactions and watches.

The semantics are etcd's, reduced to what WayPoint uses. `waypoint_core.etcd` is the real one,
`waypoint_core.memory` the fake; both pass the same conformance tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A key as it stood at some revision."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Listing:
    """All entries below a prefix, in key order, at one revision."""

    entries: tuple[Entry, ...]
    revision: int


# Conditions of a transaction.


@dataclass(frozen=True, slots=True)
class Absent:
    """Holds while the key does not exist."""

    key: str


@dataclass(frozen=True, slots=True)
class Present:
    """Holds while the key exists."""

    key: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Holds while the key's mod_revision is the one seen."""

    key: str
    mod_revision: int


Condition = Absent | Present | Unchanged

# Operations of a transaction.

MAX_OPERATIONS = 100
"""Of a branch. etcd's own default is 128."""


@dataclass(frozen=True, slots=True)
class Put:
    """Writes a key; lease 0 means that it stays until deleted."""

    key: str
    value: bytes
    lease: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Removes a key; an absent key is no error."""

    key: str


@dataclass(frozen=True, slots=True)
class Get:
    """Reads a key into the outcome."""

    key: str


Operation = Put | Delete | Get


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transaction did: which branch ran, at which revision, and what its Gets read (None: absent)."""

    succeeded: bool
    revision: int
    reads: tuple[Entry | None, ...] = ()


# Events of a watch.


@dataclass(frozen=True, slots=True)
class Written:
    """A key was created or changed, or was found at (re-)listing."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Removed:
    """A key was deleted, or was found missing at re-listing."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Synced:
    """Everything up to this revision has been delivered: once after each (re-)listing."""

    revision: int


@dataclass(frozen=True, slots=True)
class Stale:
    """The registry cannot be followed for now; what was delivered may be out of date until the next Synced."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rewound:
    """The registry's history was replaced (restored or re-created); differences up to the next Synced are not
    events that happened, and nobody should act on a removal among them."""

    reason: str


WatchEvent = Written | Removed | Synced | Stale | Rewound


class Lease(Protocol):
    """A lease that its registry keeps alive in the background until it is revoked or lost."""

    @property
    def id(self) -> int:
        """The id to put keys under."""

    @property
    def lost(self) -> asyncio.Event:
        """Set once, when the registry no longer knows the lease: its keys are gone. An outage never sets it."""

    @property
    def alive_until(self) -> float:
        """The time.monotonic() until which the lease certainly lives: its TTL after the last renewal was sent.

        Past it, during an outage, the lease may or may not live on; only `lost` says that it does not.
        """

    async def revoke(self) -> None:
        """End the lease and delete its keys. RegistryError if the registry cannot be told."""


class Registry(Protocol):
    """Shared state. Every call raises RegistryUnavailable past its deadline, RegistryRefused when it is hopeless."""

    async def get(self, key: str) -> Entry | None:
        """The entry, or None when there is none."""

    async def list(self, prefix: str) -> Listing:
        """All entries whose key starts with prefix."""

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write one key; returns the revision. LeaseLost when the lease is unknown."""

    async def delete(self, key: str) -> bool:
        """Remove one key; False when there was none."""

    async def transact(
        self,
        conditions: Sequence[Condition],
        then: Sequence[Operation],
        otherwise: Sequence[Operation] = (),
    ) -> Outcome:
        """Run `then` if all conditions hold, else `otherwise`, atomically. At most MAX_OPERATIONS a branch.

        Never repeated by itself after an attempt whose fate is unknown: the caller decides.
        """

    async def lease(self, ttl: float) -> Lease:
        """A new lease of ttl seconds, kept alive every ttl/4 with jitter."""

    async def grant(self, ttl: float) -> int:
        """The id of a new lease of ttl seconds (rounded up) that nobody keeps alive: renew it."""

    async def renew(self, lease: int) -> None:
        """Start a lease's TTL anew. LeaseLost when it is unknown."""

    async def remaining(self, lease: int) -> float:
        """Seconds that are left of a lease's TTL. LeaseLost when it is unknown."""

    def watch(self, prefix: str) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent]]:
        """Follow a prefix: first everything that is there, then Synced, then changes in revision order.

        Never ends by itself and never raises for an outage: it reports Stale, resumes, and loses no event.
        """
