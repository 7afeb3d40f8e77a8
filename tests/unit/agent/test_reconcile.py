"""The reconciler's decisions, as tables: what is wanted, what is there, what is done about it."""

import dataclasses
from typing import Any

import pytest

from waypoint_agent.actions import Action, Await, Check, Forget, Reason, Start, Stop, Withdraw
from waypoint_agent.reconcile import Observed, Plan, Wanted, reconcile
from waypoint_agent.slots import Doing, End, Holder, Life, Slot
from waypoint_core.hold import EndCause
from waypoint_core.settings import AgentSettings

NOW = 1000.0
LIMITS = AgentSettings(
    start_limit=2,
    start_timeout=15,
    probe_interval=10,
    max_age=3600,
    session_limit=600,
    claim_timeout=10,
)


class Gateway:
    def ended(self, instance: str, cause: EndCause, detail: str) -> None:
        raise AssertionError("the reconciler talks to nobody")


GATEWAY: Holder = Gateway()


def name(slot: int) -> str:
    return f"h_{slot}_{slot:032x}"


def life(slot: int = 0, **changes: Any) -> Life:
    """An idle, ready browser that has just answered."""
    base = Life(
        id=name(slot),
        invocation=f"{slot:032x}",
        generation=1,
        since=NOW - 4,
        launched=f"env {slot}",
        running=True,
        ready=True,
        answered=NOW,
    )
    return dataclasses.replace(base, **changes)


def slot(number: int = 0, **changes: Any) -> Slot:
    """A slot with an idle browser; changes go to the slot where it has such a field, to the life otherwise."""
    fields = {field.name for field in dataclasses.fields(Slot)}
    own = {key: value for key, value in changes.items() if key in fields}
    lived = {key: value for key, value in changes.items() if key not in fields}
    return dataclasses.replace(Slot(number, life(number, **lived), doing_since=NOW - 4), **own)


def vacant(number: int = 0, **changes: Any) -> Slot:
    return dataclasses.replace(Slot(number, doing_since=NOW - 4), **changes)


def decide(*slots: Slot, count: int | None = None, claims: dict[str, float] | None = None, **changes: Any) -> Any:
    observing = {key: changes.pop(key) for key in ("connected", "claims_known") if key in changes}
    wanted = Wanted(slots=len(slots) if count is None else count, environment=lambda number: f"env {number}", **changes)
    return reconcile(LIMITS, wanted, Observed(slots, claims=claims or {}, **observing), NOW)


def decided(*slots: Slot, **changes: Any) -> tuple[Action, ...]:
    return decide(*slots, **changes).actions


ENDED = End(EndCause.STOPPED, "")
STOP = {"slot": 0, "id": name(0)}
RESTART = {**STOP, "restart": True}

ONE_SLOT: list[tuple[str, Slot, tuple[Action, ...]]] = [
    ("a vacant slot is filled", vacant(), (Start(0),)),
    ("not while it is being filled", vacant(doing=Doing.STARTING), ()),
    ("not before its pause is over", vacant(failures=3, retry_at=NOW + 1), ()),
    ("after its pause it is", vacant(failures=3, retry_at=NOW), (Start(0),)),
    ("an idle browser is left alone", slot(), ()),
    # Becoming ready.
    ("a unit without its process is waited for", slot(ready=False, running=False), ()),
    ("a running browser is asked whether it is ready", slot(ready=False), (Await(0, name(0)),)),
    ("also while systemd still reports the start", slot(ready=False, doing=Doing.STARTING), (Await(0, name(0)),)),
    ("or the second half of a restart", slot(ready=False, doing=Doing.RESTARTING), (Await(0, name(0)),)),
    ("but not twice", slot(ready=False, probing=True), ()),
    (
        "one that never becomes ready is the slot's failure",
        slot(ready=False, probing=True, since=NOW - 15),
        (Stop(**STOP, reason=Reason.START_TIMEOUT, cause=EndCause.HUNG, detail="not ready after 15 s", wanted=False),),
    ),
    (
        "unless somebody holds it: it was ready before us",
        slot(ready=False, since=NOW - 15, holder=GATEWAY, probing=True),
        (),
    ),
    # Health.
    ("a browser not heard of for long is asked", slot(answered=NOW - 11), (Check(0, name(0)),)),
    ("also a reserved one", slot(answered=NOW - 11, holder=GATEWAY), (Check(0, name(0)),)),
    (
        "but never one in session: it may be busy",
        slot(answered=NOW - 99, holder=GATEWAY, session="s", session_since=NOW),
        (),
    ),
    ("and not twice", slot(answered=NOW - 11, probing=True), ()),
    # Ends.
    (
        "an ended life is cleared away",
        slot(end=End(EndCause.CRASHED, "killed by signal 9 (SIGKILL)", wanted=False)),
        (
            Stop(
                **STOP, reason=Reason.ENDED, cause=EndCause.CRASHED, detail="killed by signal 9 (SIGKILL)", wanted=False
            ),
        ),
    ),
    (
        "and at once replaced, where the slot is not to blame",
        slot(end=End(EndCause.STOPPED, "released")),
        (Stop(**RESTART, reason=Reason.ENDED, detail="released"),),
    ),
    ("not twice", slot(end=ENDED, doing=Doing.STOPPING), ()),
    ("nor while both are under way", slot(end=ENDED, doing=Doing.RESTARTING), ()),
    ("nor if systemd is doing so: who restarts it by hand shall succeed", slot(end=ENDED, leaving=True), ()),
    ("nor right after systemd refused", slot(end=ENDED, quiet_until=NOW + 1), ()),
    (
        "a session that lasts too long ends",
        slot(holder=GATEWAY, session="s", session_since=NOW - 600),
        (Stop(**RESTART, reason=Reason.SESSION_LIMIT, cause=EndCause.SESSION_LIMIT, detail="sessions may last 600 s"),),
    ),
    ("a reserved browser has no session that could", slot(holder=GATEWAY, session_since=NOW - 600), ()),
    # Renewal.
    ("an old idle browser is renewed", slot(since=NOW - 3600), (Withdraw(0, name(0), Reason.AGE),)),
    ("not while it is held", slot(since=NOW - 3600, holder=GATEWAY), ()),
    ("nor while that is under way", slot(since=NOW - 3600, doing=Doing.WITHDRAWING), ()),
    (
        "one started with other settings is renewed",
        slot(launched="env of yesterday"),
        (Withdraw(0, name(0), Reason.OUTDATED),),
    ),
]


@pytest.mark.parametrize(("there", "actions"), [case[1:] for case in ONE_SLOT], ids=[case[0] for case in ONE_SLOT])
def test_one_slot(there: Slot, actions: tuple[Action, ...]) -> None:
    assert decided(there) == actions


def test_only_so_many_start_at_one_time() -> None:
    assert decided(count=4) == (Start(0), Start(1))
    assert decided(vacant(doing=Doing.STARTING), slot(1, ready=False, probing=True), vacant(2)) == ()
    assert decided(vacant(doing=Doing.STARTING), vacant(1), vacant(2)) == (Start(1),)
    ending = slot(0, end=ENDED, doing=Doing.RESTARTING, since=NOW - 99)
    assert decided(ending, vacant(1), vacant(2)) == (Start(1),)


def test_starts_that_hang_keep_no_other_from_starting() -> None:
    hanging = [slot(number, ready=False, probing=True, since=NOW - 5) for number in range(2)]
    assert decided(*hanging, vacant(2), vacant(3), vacant(4)) == (Start(2), Start(3))
    hanging[0] = slot(0, ready=False, probing=True, since=NOW - 4.5)
    plan = decide(*hanging, vacant(2), vacant(3))
    assert plan == Plan((Start(2),), NOW + 0.5)
    stopping = [
        slot(0, end=ENDED, doing=Doing.RESTARTING, doing_since=NOW - 5),
        vacant(1, doing=Doing.STARTING, doing_since=NOW - 5),
    ]
    assert decided(*stopping, vacant(2), vacant(3), vacant(4)) == (Start(2), Start(3))


def test_what_ends_beyond_that_is_stopped_and_started_later() -> None:
    stops = decided(*(slot(number, end=ENDED) for number in range(3)))
    assert [stop.restart for stop in stops if isinstance(stop, Stop)] == [True, True, False]


def test_only_one_is_renewed_at_a_time_and_only_from_a_full_pool() -> None:
    old = {"since": NOW - 3600}
    assert decided(slot(0, **old), slot(1, **old)) == (Withdraw(0, name(0), Reason.AGE),)
    assert decided(slot(0, **old), slot(1, ready=False, probing=True)) == ()
    assert decided(slot(0, **old, doing=Doing.WITHDRAWING), slot(1, **old)) == ()


CLAIMS: list[tuple[str, Slot, float, bool, tuple[Action, ...]]] = [
    ("a claimed browser waits for its holder", slot(), NOW - 9, True, ()),
    ("and is neither renewed", slot(since=NOW - 3600), NOW - 9, True, ()),
    ("nor asked", slot(answered=NOW - 99), NOW - 9, True, ()),
    (
        "but not for ever",
        slot(),
        NOW - 10,
        True,
        (Stop(**RESTART, reason=Reason.VOID_CLAIM, detail="claimed for 10 s and held by nobody"),),
    ),
    ("nobody is killed for want of knowledge", slot(), NOW - 99, False, ()),
    ("what was given out before waits for its holder", slot(given=True, since=NOW - 9), NOW - 99, False, ()),
    ("and is not renewed", slot(given=True, since=NOW - 9, launched="env 9"), NOW, True, ()),
    (
        "whatever the registry says",
        slot(given=True, since=NOW - 10),
        NOW,
        False,
        (Stop(**RESTART, reason=Reason.ORPHANED, detail="given out and for 10 s held by nobody"),),
    ),
    ("what is held needs no claim and is not void", slot(holder=GATEWAY), NOW - 99, True, ()),
]


@pytest.mark.parametrize(
    ("there", "found", "known", "actions"), [case[1:] for case in CLAIMS], ids=[case[0] for case in CLAIMS]
)
def test_claims(there: Slot, found: float, known: bool, actions: tuple[Action, ...]) -> None:
    assert decided(there, claims={name(0): found}, claims_known=known) == actions


def test_claims_of_instances_that_are_gone_are_deleted() -> None:
    assert decided(slot(), claims={name(7): NOW - 10}) == (Forget((name(7),)),)
    assert decided(slot(), claims={name(7): NOW - 9}) == (), "the claimer may not know yet"
    assert decided(slot(), claims={name(7): NOW - 99}, claims_known=False) == ()


KILLED = (Stop(**RESTART, reason=Reason.KILL_REQUESTED, cause=EndCause.KILL_REQUESTED, detail="by hand"),)
KILLS: list[tuple[str, Slot, tuple[Action, ...]]] = [
    ("an idle browser", slot(), KILLED),
    ("a browser whose unit has no process yet", slot(ready=False, running=False), KILLED),
    ("a browser that is not ready yet", slot(ready=False, probing=True), KILLED),
    ("a reserved browser", slot(holder=GATEWAY), KILLED),
    ("a session", slot(holder=GATEWAY, session="s"), KILLED),
    ("one that is about to be renewed", slot(since=NOW - 3600), KILLED),
    ("once systemd has done the start", slot(ready=False, doing=Doing.STARTING, probing=True), ()),
    ("once the registry has answered", slot(doing=Doing.WITHDRAWING), ()),
    ("not what is already being stopped", slot(doing=Doing.STOPPING, end=ENDED), ()),
    ("nor what is being cleared away", slot(leaving=True), ()),
]


@pytest.mark.parametrize(("there", "actions"), [case[1:] for case in KILLS], ids=[case[0] for case in KILLS])
def test_a_kill_request_ends(there: Slot, actions: tuple[Action, ...]) -> None:
    assert decided(there, kills={name(0): "by hand"}) == actions


def test_a_kill_request_ends_a_claimed_browser_also_when_little_is_known() -> None:
    assert decided(slot(), kills={name(0): "by hand"}, claims={name(0): NOW}) == KILLED
    assert decided(slot(), kills={name(0): "by hand"}, claims_known=False, known=False) == KILLED


def test_kill_requests_that_are_not_carried_out() -> None:
    assert decided(slot(), kills={name(0): None}) == (), "a broken request is not carried out"
    assert decided(slot(), kills={name(7): "x", name(8): None}) == (Forget((name(7), name(8))),)


def test_fewer_slots() -> None:
    """What nobody uses goes at once, the rest when its session is over; vacant slots stay vacant."""
    used = slot(1, holder=GATEWAY, session="s", session_since=NOW)
    assert decided(slot(0), used, vacant(2), slot(3), count=1) == (Withdraw(3, name(3), Reason.SURPLUS),)
    [stop] = decided(slot(0, end=ENDED), count=0)
    assert stop == Stop(**STOP, reason=Reason.ENDED), "and vacant"


def test_nothing_is_renewed_or_surplus_before_it_is_known_what_is_wanted() -> None:
    """An agent that has just started knows only how it is configured; the registry may want more, or other flags."""
    assert decided(slot(0), slot(1), count=1, known=False) == ()
    assert decided(slot(launched="env of yesterday"), known=False) == ()
    assert decided(slot(since=NOW - 3600), known=False) == ()
    assert decided(vacant(), known=False) == (Start(0),), "but browsers there shall be"


def test_without_systemd_nothing_is_decided() -> None:
    assert decide(vacant(), slot(1, end=ENDED), connected=False) == reconcile(LIMITS, Wanted(0, str), Observed(()), NOW)


@pytest.mark.parametrize(
    ("there", "moment"),
    [
        (vacant(retry_at=NOW + 0.25), NOW + 0.25),
        (slot(answered=NOW - 3.5), NOW + 7),
        (slot(holder=GATEWAY, session="s", session_since=NOW - 1), NOW + 599),
        (slot(ready=False, probing=True, since=NOW - 4), NOW + 1),
        (slot(ready=False, probing=True, since=NOW - 6), NOW + 9),
    ],
    ids=[
        "the pause of a failing slot",
        "the next check, on a whole second",
        "the session limit",
        "a start that hangs",
        "the start timeout",
    ],
)
def test_it_says_when_to_ask_again(there: Slot, moment: float) -> None:
    assert decide(there).again_at == moment
