"""Claims, also those whose answer is lost."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import replace

import pytest

from unit.proxy import parts
from unit.proxy.parts import ALIVE, KEYS, READY, Agent, claimer_of, populated, read
from waypoint_core.codec import decode, encode
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import Claim
from waypoint_core.registry import Condition, Entry, Operation, Outcome
from waypoint_proxy import claim
from waypoint_proxy.browser import NoSocket
from waypoint_proxy.claim import Claimer
from waypoint_proxy.route import Table


async def claimed(claimer: Claimer) -> str | None:
    browser = await claimer.claim()
    if browser is None:
        return None
    browser.close()
    return browser.instance


class LosesAnswers(MemoryRegistry):
    """Until it answers again: carries a transaction out, or keeps it until it arrives, and does not answer."""

    acts = True
    answers = False

    def __init__(self) -> None:
        super().__init__()
        self._on_their_way: list[tuple[Sequence[Condition], Sequence[Operation]]] = []

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        if self.answers:
            return await super().transact(conditions, then, otherwise)
        if self.acts:
            await super().transact(conditions, then, otherwise)
        else:
            self._on_their_way.append((conditions, then))
        raise RegistryUnavailable("cannot reach etcd")

    async def arrive(self) -> None:
        for conditions, then in self._on_their_way:
            await super().transact(conditions, then)


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


async def request_of(registry: MemoryRegistry, instance: str) -> str:
    entry = await registry.get(KEYS.claim(instance))
    assert entry
    return decode(Claim, entry.value, entry.key).request


async def test_lost_answer_is_resolved_by_request_id() -> None:
    registry, agent = LosesAnswers(), Agent()
    assert await claimed(claimer_of(registry, await populated(registry, "a"), agent)) == "a"
    assert agent.held == ["a"]


async def test_claim_that_got_lost_is_tried_again() -> None:
    registry, agent = LosesAnswers(), Agent()
    registry.acts = False
    claimer = claimer_of(registry, await populated(registry, "a"), agent)
    with pytest.raises(RegistryUnavailable, match="cannot say whether a was claimed: cannot reach etcd"):
        await claimer.claim()
    assert agent.held == []
    registry.answers = True
    assert await claimed(claimer) == "a"


async def unanswered(registry: LosesAnswers, agent: Agent) -> tuple[Table, Claimer]:
    """What is left of a claim that was not answered, and not carried out yet; the registry answers again."""
    registry.acts = False
    table = await populated(registry, "a")
    claimer = claimer_of(registry, table, agent)
    with pytest.raises(RegistryUnavailable):
        await claimer.claim()
    registry.answers = True
    return table, claimer


@pytest.mark.parametrize("told", [False, True])
async def test_claim_that_arrives_late_is_ours(told: bool) -> None:
    """Whether the table has learned of it meanwhile, or not."""
    registry, agent = LosesAnswers(), Agent()
    table, claimer = await unanswered(registry, agent)
    await registry.arrive()
    request = await request_of(registry, "a")
    if told:
        await read(registry, table)
        assert list(table.candidates()) == []
    assert claimer.more
    assert await claimed(claimer) == "a"
    assert agent.held == ["a"]
    assert await request_of(registry, "a") == request
    assert not claimer.more


async def test_late_claim_that_another_was_written_over_is_not_ours() -> None:
    registry, agent = LosesAnswers(), Agent()
    table, claimer = await unanswered(registry, agent)
    await registry.put(KEYS.claim("a"), encode(Claim(proxy="p1", request="of the control plane")))
    assert await claimer.claim() is None
    await read(registry, table)
    assert not claimer.more
    assert agent.held == []


async def test_what_was_denied_while_its_host_was_away_is_tried_again() -> None:
    registry, agent = MemoryRegistry(), Agent()
    table = await populated(registry, "a")
    claimer = claimer_of(registry, table, agent)
    await registry.delete(KEYS.host_alive("here"))
    assert await claimer.claim() is None
    assert not claimer.more
    await registry.put(KEYS.host_alive("here"), ALIVE)
    await read(registry, table)
    assert await claimed(claimer) == "a"


async def test_slow_registry_is_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    registry = MemoryRegistry()
    claimer = claimer_of(registry, await populated(registry, *"abcde"), Agent())
    for slow in (0.0, 0.0, 60.0, 0.0, 0.0):
        monkeypatch.setattr(claim, "_SLOW", slow)
        assert await claimed(claimer)
    said = [re.sub(r"[\d.]+ s", "N s", message) for message in caplog.messages]
    assert said == ["the registry took N s for a claim"] * 2


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


async def test_browser_that_ends_while_it_is_connected_to_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, agent = MemoryRegistry(), Agent()
    spare = socket.socket()

    async def connect(endpoint: str) -> socket.socket:
        agent.held.remove("a")
        return spare

    table = await populated(registry, "a")
    monkeypatch.setattr(parts, "connect", connect)
    assert await claimer_of(registry, table, agent).claim() is None
    assert spare.fileno() == -1, "closed"


async def test_what_is_held_is_not_claimed_again_though_its_claim_is_gone() -> None:
    registry, agent = MemoryRegistry(), Agent()
    table = await populated(registry, "a")
    agent.held.append("a")
    assert await claimed(claimer_of(registry, table, agent)) is None
    assert await registry.get(KEYS.claim("a")) is None


async def test_browser_is_not_to_blame_when_there_is_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect(endpoint: str) -> socket.socket:
        raise NoSocket(f"cannot connect to {endpoint}")

    agent = Agent()
    registry = MemoryRegistry()
    table = await populated(registry, "a")
    monkeypatch.setattr(parts, "connect", connect)
    browser = await claimer_of(registry, table, agent).claim()
    assert browser
    assert browser.spare is None
    assert agent.held == ["a"]
