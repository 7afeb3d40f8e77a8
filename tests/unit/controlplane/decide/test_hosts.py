"""Hosts: what is there -> what is decided. Settings as by default: grace 60 s, evictions every 10 s, 3 losses in 600 s.

Row "host's lease expires" of the table of what breaks, except where another is named.
"""

from collections.abc import Callable

import pytest

from unit.controlplane.decide.world import KEYS, STATUS, WALL, World, browser
from waypoint_controlplane.decide.decisions import Cordon, Note, Probe
from waypoint_core.model import DesiredHost, HostAlive, HostState
from waypoint_core.registry import Absent, Present

Setup = Callable[[World], World]
SILENT = "has lost its lease and does not answer"
ANSWERS = "has lost its lease but answers"

CASES: dict[str, tuple[Setup, list[str]]] = {
    # Coming and being there.
    "seen for the first time": (lambda w: w.host("a", None), ["a ready"]),
    "well": (lambda w: w.host("a"), []),
    "gone, back": (lambda w: w.host("a", "gone"), ["a ready"]),
    "back before the grace": (lambda w: w.host("a", "suspect", back=0), ["a ready"]),
    "back after the grace, unanswered": (
        lambda w: w.host("a", "suspect", back=0).answer("a", answered=False),
        ["a ready"],
    ),
    "its status endpoint moved": (
        lambda w: w.host("a").put(KEYS.host_alive("a"), HostAlive("e", "b", 4, status="192.0.2.9:1")),
        ["a ready"],
    ),
    # Losing the lease.
    "lost": (lambda w: w.host("a", lost=0), ["a suspect"]),
    "lost, noted": (lambda w: w.host("a", "suspect", lost=1), []),
    "never seen, never alive": (lambda w: w.span("lost", "a", 1), []),
    "its key is broken: its agent mends it": (lambda w: w.host("a").put(KEYS.host_alive("a"), b"{"), []),
    # The grace and the probe.
    "just within the grace": (lambda w: w.host("a", "suspect", lost=59.9), []),
    "the grace is over": (lambda w: w.host("a", "suspect", lost=60), ["ask a"]),
    "is being asked": (lambda w: _asking(w.host("a", "suspect", lost=61)), []),
    "did not answer": (lambda w: w.host("a", "suspect", lost=61).answer("a", answered=False), ["a gone"]),
    "did not answer, long ago": (
        lambda w: w.host("a", "suspect", lost=99).answer("a", answered=False, ago=15),
        ["ask a"],
    ),
    "answered": (lambda w: w.host("a", "suspect", lost=61).answer("a", answered=True), ["a suspect"]),
    "answered, noted": (
        lambda w: w.host("a", "suspect", lost=61, reason=ANSWERS).answer("a", answered=True),
        [],
    ),
    "answered, a quarter of the grace ago": (
        lambda w: w.host("a", "suspect", lost=76, reason=ANSWERS).answer("a", answered=True, ago=15),
        ["ask a"],
    ),
    "answered once, no more": (
        lambda w: w.host("a", "suspect", lost=99, reason=ANSWERS).answer("a", answered=False),
        ["a gone"],
    ),
    "cannot be asked": (lambda w: w.host("a", "suspect", lost=60, status=""), ["a gone"]),
    "gone, noted": (lambda w: w.host("a", "gone", lost=100), []),
    # Evictions at a bounded rate, longest lost first.
    "two do not answer": (
        lambda w: w.host("a", "suspect", lost=61, status="").host("b", "suspect", lost=70, status=""),
        ["b gone", "a suspect"],
    ),
    "one is gone, another waits": (
        lambda w: _evicted(w.host("a", "suspect", lost=61, status="", reason=SILENT), 9),
        [],
    ),
    "one is gone, another has waited": (lambda w: _evicted(w.host("a", "suspect", lost=61, status=""), 10), ["a gone"]),
    "a new leader saw both lost at once": (
        lambda w: w.host("a", "suspect", lost=61, status="", since=100, reason=SILENT).host(
            "b", "suspect", lost=61, status="", since=200
        ),
        ["b gone"],
    ),
    # Flapping. Row "a host is lost again and again".
    "lost three times, still away": (lambda w: w.host("a", "suspect", lost=1, losses=(9, 5, 1)), []),
    "lost three times, back": (lambda w: w.host("a", "suspect", losses=(9, 5, 1)), ["cordon a"]),
    "lost twice, back": (lambda w: w.host("a", "suspect", losses=(5, 1)), ["a ready"]),
    "lost three times, once long ago": (lambda w: w.host("a", "suspect", losses=(601, 5, 1)), ["a ready"]),
    "lost three times, cordoned by an operator": (
        lambda w: w.host("a", "suspect", losses=(9, 5, 1)).desired("a", cordon=True, by="ann"),
        ["a ready"],
    ),
    "cordoned for it, uncordoned by an operator": (lambda w: w.host("a").desired("a", by="ann"), []),
    "uncordoned by an operator, lost once more": (
        lambda w: w.host("a", "suspect", losses=(1,)).desired("a", by="ann"),
        ["a ready"],
    ),
    # Row "etcd unreachable": nobody concludes anything.
    "tables may be out of date": (lambda w: w.host("a", "suspect", lost=99, status="").stale(), []),
}


def _asking(world: World) -> World:
    world.probing.add("a")
    return world


def _evicted(world: World, seconds: float) -> World:
    world.evicted_at = world.now - seconds
    return world


@pytest.mark.parametrize("case", CASES)
def test_decides(case: str) -> None:
    setup, decided = CASES[case]
    assert setup(World()).decided() == decided


@pytest.mark.parametrize(
    ("setup", "after"),
    [
        (lambda w: w.host("a"), None),
        (lambda w: w.host("a", "suspect", lost=20), 40.0),
        (lambda w: _asking(w.host("a", "suspect", lost=61)), None),
        (lambda w: w.host("a", "suspect", lost=61).answer("a", answered=True, ago=5), 10.0),
        (lambda w: _evicted(w.host("a", "suspect", lost=61, status=""), 4), 6.0),
        (lambda w: w.host("a", "gone", lost=100, since=86400 - 30), 30.0),
    ],
)
def test_when_to_decide_again(setup: Setup, after: float | None) -> None:
    world = setup(World())
    assert world.plan().again_at == (float("inf") if after is None else pytest.approx(world.now + after))


def test_a_loss_is_counted_and_old_ones_are_not_kept() -> None:
    world = World().host("a", losses=(601, 9, 8, 7, 6, 5, 4, 3, 2, 1.5, 1), lost=0)
    (note,) = world.plan().decisions
    assert isinstance(note, Note)
    assert note.known.losses == tuple(WALL - ago for ago in (8, 7, 6, 5, 4, 3, 2, 1.5, 1, 0))[-10:]
    assert note.known.status == STATUS
    assert note.known.since == WALL


def test_a_note_holds_only_as_long_as_what_it_says() -> None:
    world = World().host("a", None).host("b", lost=0)
    ready, suspect = world.plan().decisions
    assert isinstance(ready, Note)
    assert isinstance(suspect, Note)
    assert (ready.unless_changed, ready.given) == (0, (Present(KEYS.host_alive("a")),))
    assert suspect.unless_changed == world.fleet.known["b"].revision
    assert suspect.given == (Absent(KEYS.host_alive("b")),)


def test_answering_changes_neither_state_nor_its_time() -> None:
    world = World().host("a", "suspect", lost=61, since=61).answer("a", answered=True)
    (note,) = world.plan().decisions
    assert isinstance(note, Note)
    assert (note.known.state, note.known.since, note.known.reason) == (HostState.SUSPECT, WALL - 61, ANSWERS)


def test_a_cordon_for_flapping_forgets_the_losses_and_keeps_what_was_wanted() -> None:
    world = World().host("a", "suspect", losses=(9, 5, 1)).desired("a", slots=3, by="ann", labels={"k": "v"})
    (cordon,) = world.plan().decisions
    assert isinstance(cordon, Cordon)
    reason = "flapping: it lost its lease 3 times within 600 s"
    assert cordon.desired == DesiredHost(3, cordon=True, reason=reason, by="remediation", labels={"k": "v"})
    assert cordon.note.known.state is HostState.READY
    assert cordon.note.known.losses == ()


def test_a_broken_note_is_written_again() -> None:
    world = World().host("a", None).put(KEYS.known_host("a"), b"{")
    (note,) = world.plan().decisions
    assert isinstance(note, Note)
    assert note.unless_changed == world.revision


def test_a_host_is_asked_where_it_was_last_seen() -> None:
    (probe,) = World().host("a", "suspect", lost=75).plan().decisions
    assert probe == Probe("a", STATUS, "has lost its lease 75 s ago")


def test_only_so_many_are_asked_at_one_time() -> None:
    world = World(200)
    for number in range(25):
        world.host(f"a{number}", "suspect", lost=61)
    world.probing |= {"a0", "a1"}
    assert len(world.decided()) == 18


def test_what_a_gone_host_leaves_behind() -> None:
    """Its claims and kill requests go, batch by batch; it is forgotten long after, with nothing but its own cordon."""
    world = World().host("a", "gone", lost=100)
    world.claim(*(browser("a", slot) for slot in range(100))).killed(browser("a", 3))
    first, second = world.plan().decisions
    assert len(first.keys) + len(second.keys) == 101  # type: ignore[union-attr]
    assert first.given == (Absent(KEYS.host_alive("a")),)  # type: ignore[union-attr]


FORGETTING: dict[str, tuple[Setup, list[str]]] = {
    "not yet": (lambda w: w.host("a", "gone", lost=100, since=86_300), []),
    "long gone": (lambda w: w.host("a", "gone", lost=100, since=86_400), ["forget cp/hosts/a"]),
    "long gone, this leader is new": (lambda w: w.host("a", "gone", lost=59, since=86_400), []),
    "cordoned for flapping": (
        lambda w: w.host("a", "gone", lost=100, since=86_400).desired("a", cordon=True, by="remediation"),
        ["forget cp/hosts/a desired/hosts/a"],
    ),
    "an operator's wishes stay": (
        lambda w: w.host("a", "gone", lost=100, since=86_400).desired("a", slots=2, by="ann"),
        ["forget cp/hosts/a"],
    ),
    "its wishes hold more than the cordon": (
        lambda w: w.host("a", "gone", lost=100, since=86_400).desired("a", cordon=True, slots=2, by="remediation"),
        ["forget cp/hosts/a"],
    ),
    "a claim on a host that nobody knows": (lambda w: w.claim(browser("a")).span("lost", "a", 59), []),
    "the same, after the grace": (lambda w: w.claim(browser("a")).span("lost", "a", 60), ["forget claims/a_0"]),
    "claims on a suspect host": (lambda w: w.host("a", "suspect", lost=10).claim(browser("a")), []),
    "claims on a gone host while frozen": (lambda w: w.frozen().host("a", "gone", lost=99).claim(browser("a")), []),
}


@pytest.mark.parametrize("case", FORGETTING)
def test_forgets(case: str) -> None:
    setup, decided = FORGETTING[case]
    assert setup(World()).decided() == decided
