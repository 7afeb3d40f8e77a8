"""The freeze: what is there -> what is decided. Row "many hosts vanish at once": over 15 % and at least 3, or all."""

from collections.abc import Callable

import pytest

from unit.controlplane.decide.world import KEYS, World, browser
from waypoint_controlplane.decide.decisions import SetFreeze
from waypoint_core.model import Freeze


def lost(world: World, count: int, *, seconds: float = 100.0) -> World:
    """So many suspect hosts that have had their grace and cannot be asked."""
    for number in range(count):
        world.host(f"l{number}", "suspect", lost=seconds, status="", reason="has lost its lease and does not answer")
    return world


OURS = "remediation"
CASES: dict[str, tuple[Callable[[], World], list[str]]] = {
    # How much is much.
    "2 of 5, fewer than 3": (lambda: lost(World(3), 2), ["l0 gone"]),
    "3 of 20, 15 % exactly": (lambda: lost(World(17), 3), ["l0 gone"]),
    "3 of 19": (lambda: lost(World(16), 3), ["freeze"]),
    "3 of 3, all": (lambda: lost(World(0), 3), ["freeze"]),
    "2 of 2, all": (lambda: lost(World(0), 2), ["freeze"]),
    "1 of 1, all": (lambda: lost(World(0), 1), ["freeze"]),
    "1 of 1, its key is broken": (lambda: World(0).host("a").put(KEYS.host_alive("a"), b"{"), []),
    "no hosts at all": (lambda: World(0), []),
    "hosts that are gone do not count": (
        lambda: lost(World(17), 3).host("g0", "gone", lost=100).host("g1", "gone", lost=100),
        ["l0 gone"],
    ),
    "all but those that are gone": (lambda: lost(World(0), 1).host("g0", "gone", lost=100), ["freeze"]),
    "all are gone already": (lambda: World(0).host("g0", "gone", lost=100), []),
    # Counted as soon as the leases are lost, before anybody is noted: nobody has to be quick.
    "lost in this moment": (
        lambda: World(3).host("a", lost=0).host("b", lost=0).host("c", lost=0),
        ["freeze", "a suspect", "b suspect", "c suspect"],
    ),
    # A new leader finds a mass loss of the last one's time.
    "during failover, frozen by the last leader": (
        lambda: lost(World(3), 3, seconds=0).frozen(by=OURS),
        [],
    ),
    "during failover, not frozen yet": (lambda: lost(World(3), 3, seconds=0), ["freeze"]),
    # What stands still and what does not.
    "frozen: hosts are asked": (lambda: World().frozen().host("a", "suspect", lost=61), ["ask a"]),
    "frozen: nobody is declared gone": (
        lambda: World().frozen().host("a", "suspect", lost=61).answer("a", answered=False),
        ["a suspect"],
    ),
    "frozen: who is back is ready": (lambda: World().frozen().host("a", "suspect"), ["a ready"]),
    "frozen: no child dies of a host's loss": (
        lambda: World().frozen().host("a", "gone", lost=99).registered("c").bond(browser("a"), "c"),
        [],
    ),
    "frozen: no kill for staleness": (lambda: World().frozen().silent("r", 60), []),
    "frozen: children of what was killed die": (
        lambda: World().frozen().registered("p", "c").killed("p").bond("p", "c"),
        ["kill c parent_dead"],
    ),
    "frozen: children of a browser that ended die": (
        lambda: World().frozen().registered("c").bond(browser("well0"), "c"),
        ["kill c parent_dead"],
    ),
    "frozen: a drain's deadline passes": (
        lambda: World().frozen().instance(browser("well0")).claim(browser("well0")).drain("well0", -1),
        ["kill well0_0 killed"],
    ),
    # Ends and overrides.
    "our freeze, nothing lost any more": (lambda: World().frozen(by=OURS), ["unfreeze"]),
    "our freeze, still lost": (lambda: lost(World(3), 3).frozen(by=OURS), []),
    "our freeze, few still lost": (lambda: lost(World(), 1).frozen(by=OURS), ["unfreeze"]),
    "an operator's freeze, nothing lost": (lambda: World().frozen(), []),
    "an operator's freeze, much lost": (lambda: lost(World(3), 3).frozen(), []),
    "override: one by one they go": (lambda: lost(World(3), 3).frozen(frozen=False), ["l0 gone"]),
    "override: also where all are lost": (lambda: lost(World(0), 2).frozen(frozen=False), ["l0 gone"]),
    "override, nothing lost any more": (lambda: World().frozen(frozen=False), ["unfreeze"]),
    # Registered instances, counted alike, but "all" of two is no mass. Many get a host's grace, and freeze nothing.
    "2 of 2 stale": (
        lambda: World().silent("a", 6).silent("b", 6),
        ["kill a health_check_failed", "kill b health_check_failed"],
    ),
    "3 of 3 stale": (lambda: World().silent("a", 6).silent("b", 6).silent("c", 6), []),
    "3 of 3 stale for long": (
        lambda: World().silent("a", 61).silent("b", 61).silent("c", 59),
        ["kill a health_check_failed", "kill b health_check_failed"],
    ),
    "3 of 20 stale": (
        lambda: World().silent("a", 6).silent("b", 0).silent("c", 0).registered(*(f"r{n}" for n in range(17))),
        ["kill a health_check_failed"],
    ),
    "the dead do not count": (
        lambda: World().silent("a", 0).silent("b", 0).instance("c").killed("c").registered("r"),
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_decides(case: str) -> None:
    setup, decided = CASES[case]
    assert setup().decided() == decided


def test_a_freeze_says_what_is_lost() -> None:
    world = lost(World(6), 4)
    (decision,) = world.plan().decisions
    reason = "4 of 10 hosts have lost their leases at one time: l0, l1, l2 and 1 more"
    assert decision == SetFreeze(Freeze(frozen=True, by="remediation", reason=reason, at=world.wall), 0, reason)


def test_a_broken_freeze_is_written_again() -> None:
    world = lost(World(0), 1).put(KEYS.freeze, b"{")
    (decision,) = world.plan().decisions
    assert isinstance(decision, SetFreeze)
    assert decision.unless_changed == world.revision
