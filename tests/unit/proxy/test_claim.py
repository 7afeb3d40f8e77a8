"""Claims, also those whose answer is lost."""

import socket
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from waypoint_core.codec import decode, encode
from waypoint_core.errors import RegistryUnavailable, SessionError
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import Claim, HostAlive, Instance, InstanceState, InstanceType
from waypoint_core.registry import Condition, Entry, Operation, Outcome, Synced
from waypoint_proxy.claim import Claimer
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.route import Table

KEYS = Keys()
READY = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, 0, endpoints={"cdp": "ws://b/1"})


class Agent:
    """Gives everything, unless told to refuse."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.refusing = False

    def holds(self, instance: str) -> bool:
        return instance in self.held

    async def hold(self, instance: str) -> None:
        if self.refusing:
            raise SessionError(f"cannot hold {instance}: no")
        self.held.append(instance)

    def release(self, instance: str, reason: str) -> None:
        self.held.remove(instance)


async def connect(endpoint: str) -> socket.socket:
    if endpoint == "ws://dead":
        raise SessionError("cannot use the browser")
    return socket.socket()


def claimer_of(registry: MemoryRegistry, table: Table, agent: Agent, proxy: str = "p1") -> Claimer:
    return Claimer(registry, KEYS, table, agent, connect=connect, proxy=proxy, metrics=Metrics(CollectorRegistry()))


async def claimed(claimer: Claimer) -> str | None:
    browser = await claimer.claim()
    if browser is None:
        return None
    browser.close()
    return browser.instance


class LosesAnswers(MemoryRegistry):
    """Does what it is asked, or not, and never answers a transaction."""

    acts = True

    async def transact(
        self, conditions: list[Condition], then: list[Operation], otherwise: list[Operation] = ()
    ) -> Outcome:
        if self.acts:
            await super().transact(conditions, then, otherwise)
        raise RegistryUnavailable("cannot reach etcd")


class Unreachable(MemoryRegistry):
    """Can go away."""

    reachable = True

    async def transact(
        self, conditions: list[Condition], then: list[Operation], otherwise: list[Operation] = ()
    ) -> Outcome:
        self._answer()
        return await super().transact(conditions, then, otherwise)

    async def get(self, key: str) -> Entry | None:
        self._answer()
        return await super().get(key)

    def _answer(self) -> None:
        if not self.reachable:
            raise RegistryUnavailable("cannot reach etcd")


async def populated(registry: MemoryRegistry, *names: str, record: Instance = READY) -> Table:
    await registry.put(KEYS.host_alive("here"), encode(HostAlive(epoch="1", boot_id="b", slots=4)))
    for name in names:
        await registry.put(KEYS.instance("here", name), encode(record))
    table = Table(KEYS, "here", "p1")
    async with registry.watch(KEYS.prefix) as events:
        async for event in events:
            table.apply(event)
            if isinstance(event, Synced):
                break
    return table


async def test_claim_is_written_and_held() -> None:
    registry, agent = MemoryRegistry(), Agent()
    claimer = claimer_of(registry, await populated(registry, "a"), agent)
    browser = await claimer.claim()
    assert browser
    assert (browser.instance, browser.endpoint) == ("a", "ws://b/1")
    assert browser.spare
    browser.close()
    entry = await registry.get(KEYS.claim("a"))
    assert entry
    assert decode(Claim, entry.value, entry.key).proxy == "p1"
    assert agent.held == ["a"]
    assert await claimer.claim() is None


async def test_two_claimers_never_get_the_same() -> None:
    registry, agent = MemoryRegistry(), Agent()
    table = await populated(registry, *(f"i{n}" for n in range(20)))
    claimers = [claimer_of(registry, table, agent, f"p{n}") for n in range(2)]
    got = [name for _ in range(60) for claimer in claimers if (name := await claimed(claimer))]
    assert sorted(got) == sorted(f"i{n}" for n in range(20))


@pytest.mark.parametrize(
    "change",
    [
        lambda registry: registry.put(KEYS.instance("here", "a"), encode(READY)),
        lambda registry: registry.delete(KEYS.host_alive("here")),
        lambda registry: registry.put(KEYS.claim("a"), encode(Claim(proxy="p2", request="theirs"))),
        lambda registry: registry.put(KEYS.claim("a"), b"broken"),
    ],
)
async def test_stale_view_claims_nothing(change: object) -> None:
    registry, agent = MemoryRegistry(), Agent()
    claimer = claimer_of(registry, await populated(registry, "a"), agent)
    await change(registry)
    assert await claimer.claim() is None
    assert agent.held == []


@pytest.mark.parametrize(("acts", "held"), [(True, ["a"]), (False, [])])
async def test_lost_answer_is_resolved_by_request_id(acts: bool, held: list[str]) -> None:
    registry, agent = LosesAnswers(), Agent()
    registry.acts = acts
    claimer = claimer_of(registry, await populated(registry, "a"), agent)
    assert bool(await claimed(claimer)) is acts
    assert agent.held == held


async def test_what_could_not_be_claimed_in_an_outage_is_claimed_after_it() -> None:
    registry, agent = Unreachable(), Agent()
    claimer = claimer_of(registry, await populated(registry, "a"), agent)
    registry.reachable = False
    for _ in range(2):
        with pytest.raises(RegistryUnavailable):
            await claimer.claim()
    registry.reachable = True
    assert await claimed(claimer) == "a"


async def test_browser_that_the_agent_refuses_is_not_given() -> None:
    registry, agent = MemoryRegistry(), Agent()
    agent.refusing = True
    claimer = claimer_of(registry, await populated(registry, "a"), agent)
    assert await claimer.claim() is None
    assert await registry.get(KEYS.claim("a")), "left to the agent, which recycles what nobody holds"


async def test_browser_that_accepts_nobody_is_given_back() -> None:
    registry, agent = MemoryRegistry(), Agent()
    table = await populated(registry, "a", record=replace(READY, endpoints={"cdp": "ws://dead"}))
    assert await claimer_of(registry, table, agent).claim() is None
    assert agent.held == []


async def test_what_is_held_is_not_claimed_again_though_its_claim_is_gone() -> None:
    registry, agent = MemoryRegistry(), Agent()
    table = await populated(registry, "a")
    agent.held.append("a")
    assert await claimed(claimer_of(registry, table, agent)) is None
    assert await registry.get(KEYS.claim("a")) is None
