"""The election: whoever writes `cp/leader` first, under its own lease, leads until that key is no longer its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from waypoint_controlplane.follow import Follower
from waypoint_core.codec import encode
from waypoint_core.errors import RegistryError
from waypoint_core.keys import Keys
from waypoint_core.model import Leader
from waypoint_core.registry import Absent, Condition, Get, Lease, Put, Registry, Unchanged

log = logging.getLogger("waypoint.controlplane.leader")

_HAND_OVER = 3.0
_RETRY = 0.5


@dataclass(frozen=True, slots=True)
class Term:
    """One time of leading. Who leads may write exactly as long as the leadership key stands at this revision."""

    name: str
    lease: Lease
    revision: int


class Election:
    """Campaigns for one control plane, with what its follower shows of the leadership."""

    def __init__(self, registry: Registry, keys: Keys, follower: Follower, name: str, ttl: float) -> None:
        self._registry = registry
        self._keys = keys
        self._follower = follower
        self._name = name
        self._ttl = ttl

    @contextlib.asynccontextmanager
    async def won(self) -> AsyncIterator[Term]:
        """Waits until elected; inside `with` this control plane leads, and at its end it hands over at once."""
        term = await self._campaign()
        try:
            yield term
        finally:
            await self._give_up(term.lease)

    async def _campaign(self) -> Term:
        failing = False
        while True:
            await self._follower.until(lambda: self._vacancy() is not None)
            try:
                if (vacancy := self._vacancy()) and (term := await self._stand(vacancy)):
                    return term
            except RegistryError as error:
                log.log(logging.DEBUG if failing else logging.WARNING, "cannot stand for election: %s", error)
                failing = True
            await asyncio.sleep(_RETRY * random.uniform(0.2, 1.0))  # noqa: S311 - jitter

    def _vacancy(self) -> Condition | None:
        """That nobody leads; None: somebody does, or nobody can tell. A key that is under no lease is no leader's."""
        fleet, key = self._follower.fleet, self._keys.leader
        row, broken = fleet.leader, fleet.broken.get(key)
        if not fleet.synced:
            return None
        if row is None and broken is None:
            return Absent(key)
        if row is not None:
            return None if row.lease else Unchanged(key, row.revision)
        return None if broken is None or broken.lease else Unchanged(key, broken.mod_revision)

    async def _stand(self, vacancy: Condition) -> Term | None:
        """One candidacy; None if another was first. RegistryError if nobody knows how it ended: then it is void."""
        lease = await self._registry.lease(self._ttl)
        term = None
        record = Leader(self._name, secrets.token_hex(8), time.time())
        key = self._keys.leader
        try:
            outcome = await self._registry.transact([vacancy], [Put(key, encode(record), lease.id)], [Get(key)])
            if outcome.succeeded:
                term = Term(self._name, lease, outcome.revision)
        finally:
            # Also where the answer was lost: with the lease goes whatever was written under it.
            if term is None:
                await self._give_up(lease)
        return term

    async def _give_up(self, lease: Lease) -> None:
        try:
            async with asyncio.timeout(_HAND_OVER):
                await lease.revoke()
        except (RegistryError, TimeoutError) as error:
            log.warning("cannot hand over at once, the lease runs out by itself: %s", error)
