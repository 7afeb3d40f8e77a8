"""Random fleets, leaders that stop at random places and go on too late: nobody is killed twice, and it comes to an end.

Decisions are carried out on the registry's fake, by the same transactions as in earnest.
"""

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from waypoint_controlplane.act import Hand, Result
from waypoint_controlplane.decide.decisions import Decision, Kill, Note, Probe
from waypoint_controlplane.decide.plan import Plan, plan
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.leader import Term
from waypoint_controlplane.observe import Observer
from waypoint_core.codec import encode
from waypoint_core.keys import Keys, browser_id, host_of
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    DesiredHost,
    Freeze,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
    KnownHost,
    Leader,
)
from waypoint_core.registry import Absent, Put, Synced, WatchEvent, Written
from waypoint_core.settings import ControlPlaneSettings

KEYS = Keys()
SETTINGS = ControlPlaneSettings(mass_loss=1.0, mass_loss_least=1000, host_grace=60)
WALL = 1_000_000.0


@dataclass
class Trial:
    """A registry, its history, and the leaders one after another. Times pass only when the trial says so."""

    dice: random.Random
    registry: MemoryRegistry = field(default_factory=MemoryRegistry)
    now: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    done: list[Decision] = field(default_factory=list)
    terms: int = 0

    async def populate(self) -> None:
        """Hosts in every condition, registered instances likewise, bonds among all of them, claims, a drain."""
        names: list[str] = []
        await self._put(KEYS.freeze, Freeze(frozen=False, by="ann"))
        for number in range(self.dice.randint(2, 6)):
            names += await self._host(f"h{number}")
        for number in range(self.dice.randint(2, 12)):
            name = f"r{number}"
            names.append(name)
            if self.dice.random() < 0.9:
                await self._put(KEYS.instance("_", name), Instance(InstanceType.AGENT, InstanceState.READY))
            if self.dice.random() < 0.7:
                await self._put(KEYS.beat(name), Beat())
            if self.dice.random() < 0.2:
                await self._kill(name)
        children = names[1:]
        self.dice.shuffle(children)
        for child in children[: self.dice.randint(1, len(children))]:
            # A parent that comes before its child: no circles, any depth.
            parent = self.dice.choice(names[: names.index(child)])
            await self._put(KEYS.binding(parent, child), Binding())

    async def _host(self, host: str) -> list[str]:
        known = self.dice.choice([None, *([HostState.READY] * 4), HostState.SUSPECT, HostState.GONE])
        if known:
            await self._put(KEYS.known_host(host), KnownHost(known, WALL, status="s:1"))
        alive = self.dice.random() < 0.6
        if alive:
            await self._put(KEYS.host_alive(host), HostAlive("e", "b", 4, status="s:1"))
        if self.dice.random() < 0.3:
            await self._put(KEYS.desired_host(host), DesiredHost(cordon=True, drain_deadline=WALL - 1, by="ann"))
        browsers = [browser_id(host, slot, f"{slot:032x}") for slot in range(self.dice.randint(1, 4))]
        for name in browsers:
            if alive and self.dice.random() < 0.8:
                await self._put(KEYS.instance(host, name), Instance(InstanceType.CHROME_BROWSER, InstanceState.READY))
            if self.dice.random() < 0.5:
                await self._put(KEYS.claim(name), Claim("p", "r"))
            if self.dice.random() < 0.1:
                await self._kill(name)
        return browsers

    async def _put(self, key: str, record: object) -> None:
        await self.registry.put(key, encode(record))

    async def _kill(self, name: str) -> None:
        await self._put(KEYS.desired_instance(host_of(name), name), KillRequest("asked for", by="ann"))
        self.killed[name] += 1

    async def elect(self) -> "Leading":
        """A new leader, who has observed nothing yet."""
        self.terms += 1
        await self.registry.delete(KEYS.leader)
        record = encode(Leader(f"cp{self.terms}", str(self.terms)))
        outcome = await self.registry.transact([Absent(KEYS.leader)], [Put(KEYS.leader, record)])
        term = Term(f"cp{self.terms}", await self.registry.lease(10), outcome.revision)
        return Leading(self, Hand(self.registry, KEYS, term, lambda: WALL))

    def count(self, decision: Decision) -> None:
        self.done.append(decision)
        if isinstance(decision, Kill):
            self.killed[decision.instance] += 1


class Leading:
    """One leader's time."""

    def __init__(self, trial: Trial, hand: Hand) -> None:
        self._trial = trial
        self._hand = hand
        self._fleet = Fleet(KEYS)
        self._observer = Observer(self._fleet, self._nobody_answers, 1.0, lambda: trial.now, lambda: WALL + trial.now)

    async def _nobody_answers(self, status: str) -> bool:
        return False

    async def turn(self) -> Plan:
        """List, look, decide."""
        fresh = [Written(entry) for entry in (await self._trial.registry.list(KEYS.prefix)).entries]
        events: list[WatchEvent] = [*fresh, Synced(self._trial.registry.revision)]
        self._fleet.__init__(KEYS, lambda: WALL)  # type: ignore[misc] # the observer goes on with these tables
        for event in events:
            self._fleet.apply(event)
        return plan(SETTINGS, self._fleet, self._observer.look())

    async def carry_out(self, decisions: Sequence[Decision]) -> None:
        """All of them as a leader does it, and each a second time, as after a lost answer."""
        for decision in decisions:
            if isinstance(decision, Probe):
                self._observer.begin(decision)
                await self._observer.probe(decision)
                continue
            if isinstance(decision, Note) and decision.known.state is HostState.GONE:
                self._observer.evicted()
            if await self._hand.carry_out(decision) is Result.DONE:
                self._trial.count(decision)
            assert await self._hand.carry_out(decision) is Result.ALREADY

    async def too_late(self, decisions: Sequence[Decision]) -> None:
        """All of them once another leads: refused, nothing changed."""
        before = self._trial.registry.snapshot()
        for decision in decisions:
            if not isinstance(decision, Probe):
                assert await self._hand.carry_out(decision) is Result.DEPOSED
        assert self._trial.registry.snapshot() == before


@pytest.mark.parametrize("seed", range(60))
async def test_nobody_is_killed_twice_and_it_comes_to_an_end(seed: int) -> None:
    dice = random.Random(seed)
    trial = Trial(dice)
    await trial.populate()
    leader = await trial.elect()
    for _ in range(1000):
        planned = await leader.turn()
        decisions = planned.decisions
        if not decisions and planned.again_at == math.inf:
            break
        if decisions and dice.random() < 0.3:
            reached = dice.randint(0, len(decisions))
            await leader.carry_out(decisions[:reached])
            former, leader = leader, await trial.elect()
            await former.too_late(decisions[reached:])
        else:
            await leader.carry_out(decisions)
        trial.now = max(trial.now + 0.1, trial.now if decisions else planned.again_at)
    else:
        pytest.fail(f"still deciding: {planned}")
    twice = [name for name, times in trial.killed.items() if times > 1]
    assert not twice
    await _nothing_is_left_undone(trial)


async def _nothing_is_left_undone(trial: Trial) -> None:
    """What is bound lives with its parent; no host is left suspect; no claim is left on a gone one or past a drain."""
    fleet = Fleet(KEYS)
    for entry in (await trial.registry.list(KEYS.prefix)).entries:
        fleet.apply(Written(entry))
    for name in fleet.bindings:
        parent, child = name.split("\0")
        assert parent in fleet.instances, name
        assert child in fleet.instances, name
        assert not {parent, child} & fleet.kills.keys(), name
    for host in fleet.hosts():
        assert fleet.host_state(host) is not HostState.SUSPECT or host in fleet.alive
        if host not in fleet.alive:
            assert not fleet.claims_on(host)
    for name in trial.killed:
        assert name not in fleet.instances or name in fleet.kills or host_of(name) == "_"
