"""Decisions as transactions: what each writes, on what conditions, and what is said of it."""

import logging

import pytest

from waypoint_controlplane.act import Hand, Result, kind, told
from waypoint_controlplane.decide.decisions import Cordon, Decision, Forget, Kill, Note, Probe, SetFreeze
from waypoint_controlplane.leader import Term
from waypoint_core.codec import decode, encode
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import (
    Binding,
    DesiredHost,
    Freeze,
    HostState,
    KillKind,
    KillRequest,
    KnownHost,
    Leader,
    Tick,
)
from waypoint_core.registry import Absent, Present

KEYS = Keys()
READY = KnownHost(HostState.READY, 1.0)
NOTE = Note("a", READY, 0, "first seen")
KILL = Kill("c", KillKind.PARENT_DEAD, "its parent is dead")
TOMBSTONE = KEYS.desired_instance("_", "c")


class Led:
    """A registry in which `cp` leads."""

    def __init__(self, registry: MemoryRegistry, hand: Hand) -> None:
        self.registry = registry
        self.hand = hand

    @classmethod
    async def new(cls) -> "Led":
        registry = MemoryRegistry()
        revision = await registry.put(KEYS.leader, encode(Leader("cp", "1")))
        return cls(registry, Hand(registry, KEYS, Term("cp", await registry.lease(10), revision), lambda: 77.0))

    async def keys(self) -> list[str]:
        listing = await self.registry.list(KEYS.prefix)
        return [entry.key.removeprefix(KEYS.prefix) for entry in listing.entries if entry.key != KEYS.leader]


@pytest.fixture
async def led() -> Led:
    return await Led.new()


@pytest.mark.parametrize(
    ("decision", "keys"),
    [
        (NOTE, ["cp/hosts/a"]),
        (Cordon("a", DesiredHost(cordon=True), 0, "flapping", NOTE), ["cp/hosts/a", "desired/hosts/a"]),
        (SetFreeze(Freeze(frozen=True, by="remediation"), 0, "much is lost"), ["cp/freeze"]),
        (KILL, ["desired/inst/_/c"]),
    ],
)
async def test_each_is_done_once(led: Led, decision: Decision, keys: list[str]) -> None:
    assert await led.hand.carry_out(decision) is Result.DONE
    assert await led.keys() == keys
    assert led.hand.reached == led.registry.revision
    assert await led.hand.carry_out(decision) is Result.ALREADY
    assert led.hand.reached == led.registry.revision


async def test_a_kill_takes_the_bond_along(led: Led) -> None:
    bond = KEYS.binding("p", "c")
    revision = await led.registry.put(bond, encode(Binding()))
    kill = Kill("c", KillKind.PARENT_DEAD, "dead", bond=("p", "c", revision))
    assert await led.hand.carry_out(kill) is Result.DONE
    entry = await led.registry.get(TOMBSTONE)
    assert entry
    assert decode(KillRequest, entry.value, "") == KillRequest("dead", KillKind.PARENT_DEAD, "remediation", 77.0)
    assert await led.keys() == ["desired/inst/_/c"]


async def test_a_kill_for_a_bond_that_was_undone_is_not_done(led: Led) -> None:
    kill = Kill("c", KillKind.PARENT_DEAD, "dead", bond=("p", "c", 3))
    assert await led.hand.carry_out(kill) is Result.ALREADY
    assert await led.keys() == []


async def test_what_it_was_decided_upon_must_hold(led: Led) -> None:
    for given, result in (((Present("/no"),), Result.ALREADY), ((Absent("/no"),), Result.DONE)):
        assert await led.hand.carry_out(Note("a", READY, 0, "seen", given)) is result


async def test_forgetting_takes_all_keys_or_none(led: Led) -> None:
    first = await led.registry.put("/waypoint/v1/claims/x", b"{}")
    second = await led.registry.put("/waypoint/v1/claims/y", b"{}")
    wrong = Forget((("/waypoint/v1/claims/x", first), ("/waypoint/v1/claims/y", first)), "gone")
    assert await led.hand.carry_out(wrong) is Result.ALREADY
    right = Forget((("/waypoint/v1/claims/x", first), ("/waypoint/v1/claims/y", second)), "gone")
    assert await led.hand.carry_out(right) is Result.DONE
    assert await led.keys() == []


async def test_a_freeze_is_lifted(led: Led) -> None:
    revision = await led.registry.put(KEYS.freeze, b"{}")
    assert await led.hand.carry_out(SetFreeze(None, revision, "over")) is Result.DONE
    assert await led.keys() == []


@pytest.mark.parametrize("other", ["another leads", "nobody leads", "unreadable"])
async def test_who_does_not_lead_changes_nothing(led: Led, other: str, caplog: pytest.LogCaptureFixture) -> None:
    if other == "nobody leads":
        await led.registry.delete(KEYS.leader)
    else:
        await led.registry.put(KEYS.leader, encode(Leader("rival", "2")) if other == "another leads" else b"{")
    assert await led.hand.carry_out(KILL) is Result.DEPOSED
    assert await led.hand.tick() is Result.DEPOSED
    assert await led.keys() == []
    who = {"another leads": "rival", "nobody leads": "nobody", "unreadable": "somebody unknown"}[other]
    assert f"write refused, {who} leads: c is to end (parent_dead)" in caplog.text


async def test_without_an_answer_nobody_knows(led: Led, caplog: pytest.LogCaptureFixture) -> None:
    led.registry.available = False
    assert await led.hand.carry_out(KILL) is Result.UNKNOWN
    assert "cannot tell whether c is to end (parent_dead) was written" in caplog.text


async def test_a_tick(led: Led) -> None:
    assert await led.hand.tick() is Result.DONE
    entry = await led.registry.get(KEYS.tick)
    assert entry
    assert decode(Tick, entry.value, "") == Tick(77.0, "cp")


@pytest.mark.parametrize(
    ("decision", "words", "word", "level"),
    [
        (NOTE, "host a is ready", "note", logging.INFO),
        (Note("a", KnownHost(HostState.GONE, 1.0), 0, "r"), "host a is gone", "note", logging.WARNING),
        (Cordon("a", DesiredHost(), 0, "r", NOTE), "host a is cordoned", "cordon", logging.WARNING),
        (SetFreeze(Freeze(frozen=True, by="x"), 0, "r"), "remediation is frozen", "freeze", logging.WARNING),
        (SetFreeze(None, 0, "r"), "remediation goes on", "freeze", logging.WARNING),
        (KILL, "c is to end (parent_dead)", "kill", logging.INFO),
        (Forget((("k", 0),), "r"), "forgotten k", "forget", logging.INFO),
        (Forget((("k", 0), ("l", 0)), "r"), "forgotten k and 1 more", "forget", logging.INFO),
    ],
)
async def test_each_is_told_with_its_reason(
    led: Led, decision: Decision, words: str, word: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert (told(decision), kind(decision)) == (words, word)
    if not (isinstance(decision, SetFreeze) and decision.freeze is None):
        await led.hand.carry_out(decision)
        assert (caplog.records[-1].levelno, caplog.records[-1].message) == (level, f"{words}: {decision.reason}")


async def test_a_probe_is_not_written(led: Led) -> None:
    assert told(Probe("a", "a:1", "r")) == "host a is asked"
    with pytest.raises(TypeError, match="cannot write a probe"):
        await led.hand.carry_out(Probe("a", "a:1", "r"))
