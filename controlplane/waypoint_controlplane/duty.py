"""The leader's loop: stand for election, wait one TTL, list everything anew, then decide and act until deposed."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from contextlib import suppress

from waypoint_controlplane.act import Hand, Result, kind
from waypoint_controlplane.decide.decisions import Decision, Kill, Note, Probe
from waypoint_controlplane.decide.plan import plan
from waypoint_controlplane.fleet import Change, Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.leader import Election, Term
from waypoint_controlplane.measure import LeaderMetrics
from waypoint_controlplane.observe import Ask, Observer
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys
from waypoint_core.model import HostState
from waypoint_core.registry import Lease, Registry
from waypoint_core.settings import ControlPlaneSettings

log = logging.getLogger("waypoint.controlplane.duty")

TICK_INTERVAL = 5.0
_BREATH = 0.1
_RETRY = 1.0
_OWN_WRITES_SHOWN = 2.0


class Duty:
    """What one control plane does towards leading."""

    def __init__(
        self,
        settings: ControlPlaneSettings,
        registry: Registry,
        follower: Follower,
        keys: Keys,
        *,
        probe: Ask,
        metrics: LeaderMetrics,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._keys = keys
        self._ask = probe
        self._metrics = metrics
        self._election = Election(registry, keys, follower, settings.name, settings.lease_ttl)
        self._term: Term | None = None
        metrics.leader.set_function(lambda: float(self.leading))

    @property
    def leading(self) -> bool:
        """Whether it certainly leads now; an outage longer than the lease leaves that open until it is over."""
        return self._term is not None and time.monotonic() < self._term.lease.alive_until

    async def run(self) -> None:
        """Campaign, lead, step down, for ever; cancelled, it hands over at once."""
        while True:
            async with self._election.won() as term:
                self._term = term
                try:
                    await self._lead(term)
                finally:
                    self._term = None

    async def _lead(self, term: Term) -> None:
        wait = math.ceil(self._settings.lease_ttl)
        log.info("%s is elected at revision %d, and acts in %d s", term.name, term.revision, wait)
        hand = Hand(self._registry, self._keys, term)
        await hand.tick()
        # What the last leader had under way when it was cut off has arrived by then, or never will.
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await term.lease.lost.wait()
        await self._reign(term, hand)
        log.warning("%s leads no more", term.name)

    async def _reign(self, term: Term, hand: Hand) -> None:
        # Tables of its own, from a listing of this moment: those of the running watch may have missed anything.
        follower = Follower(self._registry, Fleet(self._keys))
        observer = Observer(follower.fleet, self._ask, self._settings.probe_timeout)
        async with TaskOwner() as tasks:
            reign = _Reign(
                self._settings, term, hand, follower=follower, observer=observer, metrics=self._metrics, tasks=tasks
            )
            with follower.listening(reign.noticed):
                tasks.start(follower.run(), name="leader's tables")
                tasks.start(reign.wake_at_loss(term.lease), name="loss of the leadership")
                await reign.run()


class _Reign:
    """The time in which a leader acts."""

    def __init__(
        self,
        settings: ControlPlaneSettings,
        term: Term,
        hand: Hand,
        *,
        follower: Follower,
        observer: Observer,
        metrics: LeaderMetrics,
        tasks: TaskOwner,
    ) -> None:
        self._settings = settings
        self._term = term
        self._hand = hand
        self._follower = follower
        self._fleet = follower.fleet
        self._observer = observer
        self._metrics = metrics
        self._tasks = tasks
        self._wake = asyncio.Event()
        self._tick_at = time.monotonic()
        self._again_at = math.inf

    def noticed(self, change: Change | None) -> None:
        """Something changed in the tables."""
        self._observer.noticed(change)
        self._wake.set()

    async def wake_at_loss(self, lease: Lease) -> None:
        """Let the loop notice at once."""
        await lease.lost.wait()
        self._wake.set()

    async def run(self) -> None:
        """Until deposed."""
        while await self._still_leads() and await self._turn():
            await asyncio.sleep(_BREATH)
            pause = min(self._tick_at, self._again_at) - time.monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, pause)):
                    await self._wake.wait()

    async def _still_leads(self) -> bool:
        """Ask the registry by writing a tick, when one is due or there is reason to doubt."""
        fleet, now = self._fleet, time.monotonic()
        if fleet.rewinds:
            log.warning("the registry's history was replaced: leading ends, so that nobody acts on the difference")
            return False
        lost = self._term.lease.lost.is_set()
        overtaken = fleet.synced and (fleet.leader is None or fleet.leader.revision != self._term.revision)
        if now < self._tick_at and not lost and not overtaken:
            return True
        self._tick_at = now + TICK_INTERVAL
        return await self._hand.tick() is not Result.DEPOSED and not lost

    async def _turn(self) -> bool:
        """Decide and act once; False when deposed."""
        self._wake.clear()
        planned = plan(self._settings, self._fleet, self._observer.look())
        self._again_at = planned.again_at
        results = set()
        for decision in planned.decisions:
            result = await self._do(decision)
            results.add(result)
            if result is Result.DEPOSED:
                return False
            if result is Result.UNKNOWN:
                break
        if results - {Result.DONE}:
            self._again_at = min(self._again_at, time.monotonic() + _RETRY)
        await self._see_own_writes()
        return True

    async def _do(self, decision: Decision) -> Result:
        if isinstance(decision, Probe):
            self._observer.begin(decision)
            self._tasks.start(self._probe(decision), name=f"probe {decision.host}")
            result = Result.DONE
        else:
            if isinstance(decision, Note) and decision.known.state is HostState.GONE:
                # Before the answer, which may be lost: two within the interval would be one too many.
                self._observer.evicted()
            result = await self._hand.carry_out(decision)
        self._metrics.decisions.labels(kind(decision), result).inc()
        if isinstance(decision, Kill) and result is Result.DONE:
            self._metrics.kills.labels(decision.kind).inc()
        return result

    async def _probe(self, decision: Probe) -> None:
        await self._observer.probe(decision)
        self._wake.set()

    async def _see_own_writes(self) -> None:
        """Wait until the tables show what was written: decided on older ones, everything would be decided again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_OWN_WRITES_SHOWN):
                await self._follower.reached(self._hand.reached)
