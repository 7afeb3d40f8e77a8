"""Bonds, heartbeats, tombstones: what is there -> what is decided. Row "a parent dies"."""

from collections.abc import Callable

import pytest

from unit.controlplane.decide.world import KEYS, World, browser
from waypoint_controlplane.decide.decisions import Forget, Kill
from waypoint_controlplane.fleet import REPUBLISHED
from waypoint_core.model import InstanceState, KillKind
from waypoint_core.registry import Absent, Present, Unchanged
from waypoint_core.settings import AgentSettings

B = browser("a")
C = browser("b")
DIES = ["kill c parent_dead"]
UNBIND = "forget bindings/p/c"

CASES: dict[str, tuple[Callable[[World], World], list[str]]] = {
    # Registered parents.
    "both live": (lambda w: w.registered("p", "c").bond("p", "c"), []),
    "parent killed": (lambda w: w.registered("p", "c").killed("p").bond("p", "c"), DIES),
    "parent killed, its record gone": (lambda w: w.registered("c").killed("p").bond("p", "c").missing("p"), DIES),
    "parent stale": (lambda w: w.silent("p", 1).registered("c").bond("p", "c"), []),
    "parent stale for too long": (
        lambda w: w.silent("p", 5).registered("c").bond("p", "c"),
        ["kill p health_check_failed"],
    ),
    "parent not registered any more": (lambda w: w.registered("c").bond("p", "c").missing("p", 1), DIES),
    "parent's record not seen yet": (lambda w: w.registered("c").bond("p", "c").missing("p", 0.9), []),
    "parent's record broken": (
        lambda w: w.registered("c").bond("p", "c").missing("p").put(KEYS.instance("_", "p"), b"{"),
        [],
    ),
    # The child's end: the bond is of no more use.
    "child killed": (lambda w: w.registered("p", "c").killed("c").bond("p", "c"), [UNBIND]),
    "child not registered any more": (lambda w: w.registered("p").bond("p", "c").missing("c"), [UNBIND]),
    "child's record not seen yet": (lambda w: w.registered("p").bond("p", "c").missing("c", 0.5), []),
    "both killed": (lambda w: w.registered("p", "c").killed("p").killed("c").bond("p", "c"), [UNBIND]),
    "child is a browser that ended": (
        lambda w: w.registered("p").host("b").bond("p", C).missing(C),
        ["forget bindings/p/b_0"],
    ),
    "child on a suspect host": (lambda w: w.registered("p").host("b", "suspect", lost=1).bond("p", C).missing(C), []),
    "child on a suspect host, parent killed": (
        lambda w: w.registered("p").killed("p").host("b", "suspect", lost=1).bond("p", C).missing(C),
        ["kill b_0 parent_dead"],
    ),
    "child on a gone host": (
        lambda w: w.registered("p").host("b", "gone", lost=1).bond("p", C).missing(C),
        ["forget bindings/p/b_0"],
    ),
    # Browsers as parents.
    "browser lives": (lambda w: w.host("a").instance(B).registered("c").bond(B, "c"), []),
    "browser ended": (lambda w: w.host("a").registered("c").bond(B, "c").missing(B, 0), DIES),
    "browser failed": (lambda w: w.host("a").instance(B, InstanceState.FAILED).registered("c").bond(B, "c"), DIES),
    "browser is to end": (lambda w: w.host("a").instance(B).killed(B).registered("c").bond(B, "c"), DIES),
    "host just back, browser not seen yet": (
        lambda w: w.host("a", back=REPUBLISHED - 0.1).registered("c").bond(B, "c").missing(B),
        [],
    ),
    "host back for a while, browser not": (
        lambda w: w.host("a", back=REPUBLISHED).registered("c").bond(B, "c").missing(B),
        DIES,
    ),
    "host suspect": (lambda w: w.host("a", "suspect", lost=9).registered("c").bond(B, "c").missing(B), []),
    "host suspect, lost in this moment": (
        lambda w: w.host("a", lost=0).registered("c").bond(B, "c").missing(B, 0),
        ["a suspect"],
    ),
    "host suspect, browser killed": (
        lambda w: w.host("a", "suspect", lost=9).killed(B).registered("c").bond(B, "c").missing(B),
        DIES,
    ),
    "host declared gone in this turn": (
        lambda w: w.host("a", "suspect", lost=60, status="").registered("c").bond(B, "c").missing(B),
        ["a gone"],
    ),
    "host gone": (lambda w: w.host("a", "gone", lost=9).registered("c").bond(B, "c").missing(B), DIES),
    "host back before it was declared gone, browser too": (
        lambda w: w.host("a", "suspect", back=0).instance(B).registered("c").bond(B, "c"),
        ["a ready"],
    ),
    "host back after it was declared gone, browser not": (
        lambda w: w.host("a", "gone", back=REPUBLISHED).registered("c").bond(B, "c").missing(B),
        ["a ready", *DIES],
    ),
    "host that nobody knows": (lambda w: w.registered("c").bond(B, "c").missing(B).span("lost", "a", 59), []),
    "host that nobody knows, after the grace": (
        lambda w: w.registered("c").bond(B, "c").missing(B).span("lost", "a", 60),
        DIES,
    ),
    # Deeper: one step a turn, and each is ground enough for the next.
    "chain of three, head killed": (
        lambda w: w.registered("p", "c", "d").killed("p").bond("p", "c", "d"),
        DIES,
    ),
    "chain of three, the middle was killed with its bond": (
        lambda w: w.registered("p", "c", "d").killed("p").killed("c").bond("c", "d"),
        ["kill d parent_dead"],
    ),
    "two levels dead, the leader died between": (
        lambda w: w.registered("p", "c", "d").killed("p").killed("c").bond("p", "c", "d"),
        [UNBIND, "kill d parent_dead"],
    ),
    "several children": (
        lambda w: w.registered("p", "c", "d").instance(C).host("b").killed("p").bond("p", "c").bond("p", "d", C),
        [*DIES, "kill d parent_dead"],
    ),
    "a circle that should not be there": (lambda w: w.registered("p", "c").bond("p", "c", "p"), []),
    "a circle, one killed": (
        lambda w: w.registered("p", "c").killed("p").bond("p", "c", "p"),
        [*DIES, "forget bindings/c/p"],
    ),
    # Heartbeats.
    "beats": (lambda w: w.registered("r"), []),
    "no beat yet within the grace": (lambda w: w.silent("r", 4.9), []),
    "no beat for the grace": (lambda w: w.silent("r", 5), ["kill r health_check_failed"]),
    "no beat, but killed already": (lambda w: w.silent("r", 9).killed("r"), []),
    "a beat that cannot be read is a beat": (lambda w: w.silent("r", 9).put(KEYS.beat("r"), b"{"), []),
    "browsers have no beats": (lambda w: w.host("a").instance(B), []),
    # Tombstones.
    "dead": (lambda w: w.instance("r").killed("r", 599), []),
    "dead for long": (lambda w: w.instance("r").killed("r", 600), ["forget desired/inst/_/r inst/_/r"]),
    "dead for long, without a record": (lambda w: w.killed("r", 600), ["forget desired/inst/_/r"]),
    "dead for long, a child is left": (
        lambda w: w.instance("p").killed("p", 600).registered("c").bond("p", "c"),
        DIES,
    ),
    "a browser's kill request is its agent's": (lambda w: w.host("a").killed(B, 600), []),
}


@pytest.mark.parametrize("case", CASES)
def test_decides(case: str) -> None:
    setup, decided = CASES[case]
    assert setup(World()).decided() == decided


def test_a_child_dies_with_its_bond_and_only_if_things_are_still_so() -> None:
    world = World().registered("p", "c").killed("p", reason="ann said so").bond("p", "c")
    (kill,) = world.plan().decisions
    tombstone, record = KEYS.desired_instance("_", "p"), KEYS.instance("_", "c")
    assert kill == Kill(
        "c",
        KillKind.PARENT_DEAD,
        "its parent p is dead: ann said so",
        bond=("p", "c", world.revision),
        given=(Present(tombstone), Present(record)),
    )


def test_a_bond_is_forgotten_only_if_the_child_is_still_not_there() -> None:
    """Tables that lag when a host has returned do not show its browsers yet."""
    world = World().host("b").registered("p").bond("p", C).missing(C)
    (forget,) = world.plan().decisions
    bond = ((KEYS.binding("p", C), world.revision),)
    assert forget == Forget(bond, f"{C} is dead: it needs no bond to p", given=(Absent(KEYS.instance("b", C)),))


@pytest.mark.parametrize("setting", ["claim_timeout", "start_timeout"])
def test_who_returns_has_the_time_that_its_agent_may_take(setting: str) -> None:
    assert getattr(AgentSettings(), setting) < REPUBLISHED


def test_a_late_heartbeat_saves() -> None:
    world = World().silent("r", 7)
    (kill,) = world.plan().decisions
    record = world.fleet.instances["r"]
    assert isinstance(kill, Kill)
    assert kill.given == (Unchanged(record.key, record.revision), Absent(KEYS.beat("r")))
    assert kill.reason == "no heartbeat for 12 s"


def test_a_kill_request_that_cannot_be_read_is_written_again() -> None:
    world = World().silent("r", 7).put(KEYS.desired_instance("_", "r"), b"{")
    (kill,) = world.plan().decisions
    assert isinstance(kill, Kill)
    assert kill.unless_changed == world.revision


def test_many_decisions_take_several_turns() -> None:
    world = World().registered("p", *(f"c{number}" for number in range(250))).killed("p")
    for number in range(250):
        world.bond("p", f"c{number}")
    planned = world.plan()
    assert len(planned.decisions) == 200
    assert planned.again_at == world.now
