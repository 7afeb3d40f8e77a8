"""How long things have been as they are, on one leader's clock."""

import asyncio
import math
import ssl

import pytest

from waypoint_controlplane.decide.decisions import Probe
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.observe import Observer, healthz
from waypoint_core.codec import encode
from waypoint_core.errors import StatusError
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
    KnownHost,
)
from waypoint_core.registry import Entry, Removed, Stale, Synced, WatchEvent, Written
from waypoint_core.status.client import StatusClient
from waypoint_core.status.link import NotAnswered

KEYS = Keys()
PROBE = Probe("a", "a:1", "lost")
AGENT = Instance(InstanceType.AGENT, InstanceState.READY)


class Watched:
    """An observer, its tables, a clock that is set by hand, and hosts that answer as told."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fleet = Fleet(KEYS)
        self.asked = asyncio.Event()
        self.answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.observer = Observer(self.fleet, self.ask, 5.0, lambda: self.now, lambda: 1000.0 + self.now)
        self.tell(Synced(0))

    async def ask(self, status: str) -> bool:
        self.asked.set()
        return await self.answer

    def tell(self, event: WatchEvent) -> None:
        self.observer.noticed(self.fleet.apply(event))

    def put(self, key: str, record: object) -> None:
        self.tell(Written(Entry(key, encode(record), 1, 1)))

    def remove(self, key: str) -> None:
        self.tell(Removed(key, 1))

    def since(self) -> dict[str, float]:
        return dict(self.observer.look().since)


@pytest.fixture
async def watched() -> Watched:
    return Watched()


async def test_what_is_looked_for(watched: Watched) -> None:
    watched.put(KEYS.host_alive("well"), HostAlive("e", "b", 1))
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.put(KEYS.claim(browser_id("never-seen", 0, "0" * 32)), Claim("p", "r"))
    for name in ("beats", "stale", "dead"):
        watched.put(KEYS.instance("_", name), AGENT)
    watched.put(KEYS.beat("beats"), Beat())
    watched.put(KEYS.desired_instance("_", "dead"), KillRequest("r"))
    watched.put(KEYS.binding("absent", "beats"), Binding())
    found = {"back well", "lost a", "lost never-seen", "stale stale", "dead dead", "missing absent"}
    assert set(watched.since()) == found
    watched.now = 7.0
    assert watched.since() == dict.fromkeys(found, 0.0)
    seen = watched.observer.look()
    assert (seen.now, seen.wall, seen.span("lost", "a"), seen.span("lost", "b")) == (7.0, 1007.0, 7.0, 0.0)


async def test_what_ended_between_two_looks_starts_anew(watched: Watched) -> None:
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.put(KEYS.instance("_", "r"), AGENT)
    assert watched.since() == {"lost a": 0.0, "stale r": 0.0}
    watched.now = 3.0
    watched.put(KEYS.host_alive("a"), HostAlive("e", "b", 1))
    watched.remove(KEYS.host_alive("a"))
    watched.put(KEYS.beat("r"), Beat())
    watched.remove(KEYS.beat("r"))
    assert watched.since() == {"lost a": 3.0, "stale r": 3.0}


async def test_an_outage_of_the_registry_is_nobodys_fault(watched: Watched) -> None:
    """Row "etcd unreachable": every grace starts anew, since nobody could renew anything."""
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.since()
    watched.now = 50.0
    watched.tell(Stale("cut off"))
    assert watched.since() == {}
    watched.now = 60.0
    watched.tell(Synced(1))
    assert watched.since() == {"lost a": 60.0}


async def probe(watched: Watched, answer: bool | Exception) -> None:
    watched.observer.begin(PROBE)
    async with asyncio.TaskGroup() as group:
        group.create_task(watched.observer.probe(PROBE))
        await watched.asked.wait()
        assert watched.observer.look().probing == {"a"}
        watched.now += 2.0
        if isinstance(answer, Exception):
            watched.answer.set_exception(answer)
        else:
            watched.answer.set_result(answer)
    assert not watched.observer.look().probing


@pytest.mark.parametrize(
    ("answer", "answered"),
    [(True, True), (False, False), (StatusError("cannot ask"), False), (ConnectionRefusedError(), False)],
)
async def test_a_probe(watched: Watched, answer: bool | Exception, answered: bool) -> None:
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.since()
    await probe(watched, answer)
    found = watched.observer.look().probes["a"]
    assert (found.answered, found.at) == (answered, 2.0)


async def test_an_answer_counts_only_for_the_loss_that_it_was_asked_for(watched: Watched) -> None:
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.since()
    watched.observer.begin(PROBE)
    async with asyncio.TaskGroup() as group:
        group.create_task(watched.observer.probe(PROBE))
        await watched.asked.wait()
        watched.now = 2.0
        watched.put(KEYS.host_alive("a"), HostAlive("e", "b", 1))
        watched.remove(KEYS.host_alive("a"))
        watched.since()
        watched.answer.set_result(False)
    assert not watched.observer.look().probes


async def test_answers_are_forgotten_when_the_host_is_back(watched: Watched) -> None:
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.since()
    await probe(watched, False)
    watched.put(KEYS.host_alive("a"), HostAlive("e", "b", 1))
    assert not watched.observer.look().probes


async def test_a_host_that_is_silent_for_too_long_does_not_answer() -> None:
    watched = Watched()
    watched.observer = Observer(watched.fleet, watched.ask, 0.01, lambda: watched.now)
    watched.put(KEYS.known_host("a"), KnownHost(HostState.SUSPECT, 1.0))
    watched.since()
    await watched.observer.probe(PROBE)
    assert not watched.observer.look().probes["a"].answered


@pytest.mark.parametrize(
    ("cause", "answers"),
    [
        (ConnectionRefusedError("refused"), False),
        (None, False),  # no answer in time
        (ssl.SSLCertVerificationError("expired"), True),
        (NotAnswered("it answered 503: not well"), True),
    ],
)
async def test_whatever_answers_is_alive(cause: Exception | None, answers: bool) -> None:
    class Client(StatusClient):
        async def get(self, address: str, target: str, timeout: float) -> bytes:
            assert (address, target) == ("a:1", "/healthz")
            raise StatusError("cannot ask a:1 for /healthz") from cause

    assert await healthz(Client(None), 1.0)("a:1") is answers


async def test_evictions_are_remembered(watched: Watched) -> None:
    assert watched.observer.look().evicted_at == -math.inf
    watched.now = 9.0
    watched.observer.evicted()
    assert watched.observer.look().evicted_at == 9.0
