"""What changes mean to people, and who is told."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from waypoint_controlplane.events import Chronicle, Event, tell
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower, TooSlow
from waypoint_core.codec import encode
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys, browser_id
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    ClaimKind,
    DesiredHost,
    Freeze,
    HostAlive,
    HostState,
    HostSummary,
    Instance,
    InstanceState,
    InstanceType,
    KillKind,
    KillRequest,
    KnownHost,
    Leader,
    Member,
    ProxyAlive,
    Tick,
)
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, Written

KEYS = Keys("/test/")
B = browser_id("a", 0, "0" * 32)
READY = KnownHost(HostState.READY, 1.0, "first seen", "a:1")
CHROME = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY)
FAILED = replace(CHROME, state=InstanceState.FAILED, reason="does not start")
CLAIM = Claim("p", "r1", ClaimKind.DIRECT)
CORDON = DesiredHost(cordon=True, reason="new kernel", by="ann")
DRAIN = replace(CORDON, drain_deadline=9.0)
KILL = KillRequest("too large", KillKind.TIMEOUT, "ann")
PROXY = ProxyAlive("e", host="a")
MEMBER = Member("e", "a:1", "a:2")


def host(what: str, reason: str = "", by: str = "") -> Event:
    return Event("host", "a", what, reason, by, "a")


def browser(what: str, reason: str = "", by: str = "") -> Event:
    return Event("instance", B, what, reason, by, "a")


def registered(what: str, reason: str = "", by: str = "") -> Event:
    return Event("instance", "vm", what, reason, by)


def told(key: str, before: Any, after: Any, *earlier: tuple[str, Any]) -> Event | None:
    """Of one change of a key, in a fleet that shows this earlier."""
    fleet = Fleet(KEYS)
    for place, record in (*earlier, (key, before)):
        if record is not None:
            fleet.apply(Written(Entry(place, encode(record), 1, 1, 0)))
    change = fleet.apply(Removed(key, 2) if after is None else Written(Entry(key, encode(after), 1, 2, 0)))
    assert change
    return tell(fleet, change)


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, READY, host("ready", "first seen")),
        (READY, replace(READY, state=HostState.SUSPECT, reason="lost"), host("suspect", "lost")),
        (READY, replace(READY, state=HostState.GONE, reason="silent"), host("gone", "silent")),
        (READY, replace(READY, reason="back"), host("ready", "back")),
        (READY, replace(READY, status="a:2", losses=(1.0,)), None),
        (READY, None, host("forgotten")),
    ],
)
def test_what_is_made_of_a_host(before: Any, after: Any, event: Event | None) -> None:
    assert told(KEYS.known_host("a"), before, after) == event


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, CORDON, host("cordoned", "new kernel", "ann")),
        (None, DRAIN, host("draining", "new kernel", "ann")),
        (CORDON, DRAIN, host("draining", "new kernel", "ann")),
        (DRAIN, replace(DRAIN, drain_deadline=99.0), host("draining", "new kernel", "ann")),
        (DRAIN, replace(DesiredHost(), by="bob"), host("uncordoned", by="bob")),
        (CORDON, None, host("uncordoned")),
        (None, DesiredHost(slots=2, by="ann"), host("scaled", "2 slots", "ann")),
        (DesiredHost(slots=2), DesiredHost(), host("scaled", "as configured there")),
        (None, DesiredHost(labels={"zone": "b"}, by="ann"), host("configured", by="ann")),
        (None, DesiredHost(browser_flags=("--x",)), host("configured")),
        (CORDON, CORDON, None),
    ],
)
def test_what_is_wanted_of_a_host(before: Any, after: Any, event: Event | None) -> None:
    assert told(KEYS.desired_host("a"), before, after) == event


@pytest.mark.parametrize(
    ("before", "after", "event"),
    [
        (None, CHROME, browser("added")),
        (None, FAILED, browser("failed", "does not start")),
        (CHROME, FAILED, browser("failed", "does not start")),
        (CHROME, replace(CHROME, state=InstanceState.RECYCLING), browser("recycling")),
        (CHROME, replace(CHROME, open=False), None),
        (CHROME, None, browser("gone")),
    ],
)
def test_browsers(before: Any, after: Any, event: Event | None) -> None:
    assert told(KEYS.instance("a", B), before, after) == event


@pytest.mark.parametrize(
    ("key", "before", "after", "event"),
    [
        (KEYS.desired_instance("a", B), None, KILL, browser("killed", "timeout: too large", "ann")),
        (KEYS.desired_instance("_", "vm"), None, KILL, registered("killed", "timeout: too large", "ann")),
        (KEYS.desired_instance("_", "vm"), KILL, None, None),
        (KEYS.claim(B), None, CLAIM, browser("claimed", "for direct", "p")),
        (KEYS.claim(B), CLAIM, replace(CLAIM, address="a:21000"), None),
        (KEYS.claim(B), CLAIM, replace(CLAIM, request="r2", proxy="q"), browser("claimed", "for direct", "q")),
        (KEYS.claim(B), CLAIM, None, browser("released")),
        (KEYS.beat("vm"), Beat(), None, registered("stale", "no heartbeat")),
        (KEYS.beat("vm"), Beat(1.0), Beat(2.0), None),
        (KEYS.binding("vm", B), None, Binding(), Event("binding", B, "bound", "to vm", host="a")),
        (KEYS.binding(B, "vm"), Binding(), None, Event("binding", "vm", "unbound", f"to {B}")),
    ],
)
def test_lives(key: str, before: Any, after: Any, event: Event | None) -> None:
    assert told(key, before, after) == event


def test_the_revived_are_told() -> None:
    vm = Instance(InstanceType.VIRTUAL_MACHINE, InstanceState.READY)
    event = told(KEYS.beat("vm"), None, Beat(), (KEYS.instance("_", "vm"), vm))
    assert event
    assert event.what == "revived"


def test_the_killed_are_not_stale() -> None:
    """Their heartbeats end because they are dead, which was told."""
    assert told(KEYS.beat("vm"), Beat(), None, (KEYS.desired_instance("_", "vm"), KILL)) is None


@pytest.mark.parametrize(
    ("key", "before", "after", "event"),
    [
        (KEYS.proxy("p"), None, PROXY, Event("proxy", "p", "up", host="a")),
        (KEYS.proxy("p"), PROXY, None, Event("proxy", "p", "down", host="a")),
        (KEYS.member("m"), None, MEMBER, Event("controlplane", "m", "up")),
        (KEYS.member("m"), MEMBER, None, Event("controlplane", "m", "down")),
        (KEYS.leader, None, Leader("m", "e"), Event("fleet", "m", "led")),
        (KEYS.leader, Leader("m", "e"), Leader("n", "f"), Event("fleet", "n", "led")),
        (KEYS.leader, Leader("m", "e"), None, Event("fleet", "m", "leaderless")),
        (KEYS.freeze, None, Freeze(True, "ann", "storm"), Event("fleet", "remediation", "frozen", "storm", "ann")),
        (KEYS.freeze, Freeze(True, "ann"), None, Event("fleet", "remediation", "unfrozen")),
        (
            KEYS.freeze,
            Freeze(True, "remediation"),
            Freeze(False, "bob", "overrides"),
            Event("fleet", "remediation", "unfrozen", "overrides", "bob"),
        ),
        (KEYS.tick, None, Tick(1.0, "m"), None),
        (KEYS.host_alive("a"), None, HostAlive("e", "b", 1), None),
        (KEYS.host_summary("a"), None, HostSummary(0.0, 1, 1), None),
    ],
)
def test_the_fleet(key: str, before: Any, after: Any, event: Event | None) -> None:
    assert told(key, before, after) == event


class Told:
    """A chronicle on a registry in memory."""

    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.follower = Follower(self.registry, Fleet(KEYS))
        self.chronicle = Chronicle(self.follower, lambda: 1000.0)

    async def claim(self, home: str, slot: int = 0) -> None:
        """Claims a browser, and returns when the chronicle knows."""
        key = KEYS.claim(browser_id(home, slot, "0" * 32))
        await self.follower.reached(await self.registry.put(key, encode(CLAIM)))

    def flood(self, count: int) -> None:
        """As many changes as there never are at one time, from the fleet on."""
        for number in range(count):
            change = self.follower.fleet.apply(Written(Entry(KEYS.claim(f"x{number}"), encode(CLAIM), 1, 1, 0)))
            self.chronicle._changed(change)


@pytest.fixture
async def running() -> AsyncIterator[Told]:
    async with TaskOwner() as tasks:
        told = Told()
        await told.registry.put(KEYS.claim("earlier"), encode(CLAIM))
        tasks.start(told.chronicle.run(), name="events")
        tasks.start(told.follower.run(), name="follow")
        await told.follower.listed()
        yield told


async def test_the_past_begins_after_the_first_listing(running: Told) -> None:
    assert running.chronicle.past(10) == []
    await running.claim("a")
    (event,) = running.chronicle.past(10)
    assert (event.name, event.what, event.at, event.number) == (B, "claimed", 1000.0, 1)


async def test_the_past_is_the_latest_oldest_first(running: Told) -> None:
    for home in "abab":
        await running.claim(home, slot=len(running.chronicle.past(9)))
    assert [event.number for event in running.chronicle.past(2)] == [3, 4]
    assert [event.number for event in running.chronicle.past(9, "b")] == [2, 4]
    assert [event.number for event in running.chronicle.past(1, "a")] == [3]
    assert running.chronicle.past(0) == []


async def test_followers_are_told_what_happens_on_their_host(running: Told) -> None:
    begun = asyncio.Semaphore(0)

    async def follow(home: str, count: int) -> list[int]:
        seen: list[int] = []
        async for event in running.chronicle.follow(home, past=1):
            seen.append(event.number)
            begun.release()
            if len(seen) == count:
                break
        return seen

    await running.claim("b")
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        every, one = group.create_task(follow("", 3)), group.create_task(follow("b", 2))
        for _ in range(2):
            await begun.acquire()
        await running.claim("a")
        await running.claim("b", slot=1)
    assert every.result() == [1, 2, 3]
    assert one.result() == [1, 3]


async def test_no_more_than_ten_thousand_are_kept() -> None:
    told = Told()
    told.follower.fleet.apply(Synced(1))
    told.flood(10_001)
    past = told.chronicle.past(20_000)
    assert (len(past), past[0].number, past[-1].number) == (10_000, 2, 10_001)


async def test_a_reader_that_takes_nothing_is_told_off() -> None:
    told = Told()
    told.follower.fleet.apply(Synced(1))
    told.flood(1)
    events = told.chronicle.follow(past=1)
    assert (await anext(events)).number == 1
    told.flood(10_001)
    with pytest.raises(TooSlow):
        await anext(events)
    assert not told.chronicle._readers


def test_what_is_caught_up_with_after_an_interruption_is_told() -> None:
    told = Told()
    told.follower.fleet.apply(Synced(1))
    told.follower.fleet.apply(Stale("a member of etcd was started anew"))
    told.flood(1)
    told.follower.fleet.apply(Synced(2))
    assert [event.what for event in told.chronicle.past(9)] == ["claimed"]


def test_after_a_replaced_history_differences_are_no_events() -> None:
    told = Told()
    told.follower.fleet.apply(Synced(5))
    told.follower.fleet.apply(Rewound("a backup was restored"))
    told.flood(1)
    told.follower.fleet.apply(Synced(2))
    assert told.chronicle.past(9) == []
