"""Drains: what is there -> what is decided."""

from collections.abc import Callable

import pytest

from unit.controlplane.decide.world import KEYS, World, browser
from waypoint_controlplane.decide.decisions import Kill
from waypoint_core.model import KillKind
from waypoint_core.registry import Present, Unchanged

A0, A1 = browser("a"), browser("a", 1)


def draining(world: World, in_: float) -> World:
    """Two browsers, both claimed."""
    return world.instance(A0).instance(A1).claim(A0, A1).drain("a", in_)


CASES: dict[str, tuple[Callable[[World], World], list[str]]] = {
    "before the deadline": (lambda w: draining(w.host("a"), 1), []),
    "the deadline has passed": (lambda w: draining(w.host("a"), 0), ["kill a_0 killed", "kill a_1 killed"]),
    "one is killed already": (lambda w: draining(w.host("a"), -1).killed(A0), ["kill a_1 killed"]),
    "one has ended, its claim is about to go": (
        lambda w: draining(w.host("a"), -1).remove(KEYS.instance("a", A0)),
        ["kill a_1 killed"],
    ),
    "nobody is left": (lambda w: w.host("a").instance(A0).drain("a", -1), []),
    "taken back": (
        lambda w: w.host("a").instance(A0).claim(A0).desired("a", cordon=False, drain_deadline=w.wall - 1),
        [],
    ),
    "cordoned without a deadline": (
        lambda w: w.host("a").instance(A0).claim(A0).desired("a", cordon=True),
        [],
    ),
    "the host is suspect: its agent finds the requests": (
        lambda w: w.host("a", "suspect", lost=9).claim(A0).drain("a", -1),
        ["kill a_0 killed"],
    ),
    "the host is gone: so are its claims": (
        lambda w: w.host("a", "gone", lost=9).claim(A0).drain("a", -1),
        ["forget claims/a_0"],
    ),
    "another host's claims": (
        lambda w: w.host("a").host("a2").instance(browser("a2")).claim(browser("a2")).drain("a", -1),
        [],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_decides(case: str) -> None:
    setup, decided = CASES[case]
    assert setup(World()).decided() == decided


def test_it_wakes_at_the_deadline_only_if_somebody_is_left() -> None:
    world = draining(World().host("a"), 30)
    assert world.plan().again_at == pytest.approx(world.now + 30)
    world.remove(KEYS.claim(A0)).remove(KEYS.claim(A1))
    assert world.plan().again_at == float("inf")


def test_the_reason_names_the_drain_and_who_asked_for_it() -> None:
    world = World().host("a").instance(A0).claim(A0).drain("a", -1)
    (kill,) = world.plan().decisions
    assert kill == Kill(
        A0,
        KillKind.KILLED,
        "host is drained: the deadline has passed: new kernel",
        by="ann",
        given=(Unchanged(KEYS.desired_host("a"), world.revision), Present(KEYS.claim(A0))),
    )
