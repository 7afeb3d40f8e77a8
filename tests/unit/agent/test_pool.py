"""Slots take in what happens to them; see docs/states.md."""

from pathlib import Path

import pytest

from unit.agent.parts import A, B, Listener, PoolTest
from waypoint_agent.manager import Listed, Lost
from waypoint_agent.slots import Doing
from waypoint_agent.units import Active, Exit, Result, UnitState
from waypoint_core.hold import EndCause


@pytest.fixture
def there(tmp_path: Path) -> PoolTest:
    return PoolTest(tmp_path)


def test_a_life_from_start_to_ready(there: PoolTest) -> None:
    # systemd names the new invocation before it starts.
    assert there.unit(Active.INACTIVE).life is None
    life = there.unit(Active.ACTIVATING).life
    assert life
    assert (life.id, life.generation, life.running, life.ready) == (f"h_0_{A}", 1, False, False)
    life = there.unit(Active.ACTIVE).life
    assert life
    assert (life.running, life.ready) == (True, False)
    there.pool.answered(life.id, "ws://127.0.0.1:20000/devtools/browser/x", "Chrome/1")
    life = there.pool.slot(0).life
    assert life
    assert (life.ready, life.endpoint) == (True, "ws://127.0.0.1:20000/devtools/browser/x")


def test_a_life_says_when_it_began_also_to_an_agent_that_came_later(there: PoolTest) -> None:
    for active in (Active.ACTIVATING, Active.ACTIVE):
        life = there.unit(active, since=1700000000.25).life
        assert life
        assert life.started == 1700000000.25
    there.pool.observe(Listed((UnitState(1, Active.ACTIVE, B, since=1600000000.5),), "252"))
    life = there.pool.slot(1).life
    assert life
    assert life.started == 1600000000.5


def test_starts_and_recycling_are_timed_and_ends_counted(there: PoolTest) -> None:
    there.unit(Active.ACTIVATING)
    there.clock.now += 0.4
    instance = there.start()
    assert (there.counted("start_seconds_count"), there.counted("start_seconds_sum")) == (1, pytest.approx(0.4))
    assert there.counted("recycle_seconds_count") == 0, "nothing was there before"
    holder = Listener()
    there.pool.hold(instance, "s", holder)
    there.pool.release(instance, "", holder)
    there.clock.now += 0.1
    there.die()
    there.clock.now += 0.2
    there.start(B)
    assert (there.counted("recycle_seconds_count"), there.counted("recycle_seconds_sum")) == (1, pytest.approx(0.3))
    there.die(B)
    assert there.counted("ends_total", cause="stopped") == 1
    assert there.counted("ends_total", cause="crashed") == 1
    assert there.counted("ends_total", cause="hung") == 0
    assert there.counted("oom_kills_total") == 0


def test_what_was_running_before_the_agent_is_not_timed(there: PoolTest) -> None:
    there.pool.observe(Listed((UnitState(0, Active.ACTIVE, A),), "252"))
    there.pool.answered(f"h_0_{A}", "ws://x", "Chrome/1")
    assert there.counted("start_seconds_count") == 0


def test_a_slot_that_the_host_no_longer_has_is_forgotten_once_it_is_vacant(there: PoolTest) -> None:
    """It would count as failed for ever, and what it would be filled with again some day as recycled for days."""
    there.start()
    there.pool.trim(0)
    assert there.pool.slots()
    there.die()
    assert there.pool.slots()
    there.pool.doing(0, Doing.STARTING)
    there.pool.trim(0)
    assert there.pool.slots()
    there.pool.doing(0, Doing.NOTHING)
    there.pool.trim(1)
    assert there.pool.slots()
    there.pool.trim(0)
    assert not there.pool.slots()


def test_a_crash_is_told_at_once_and_the_slot_restarts_at_once(there: PoolTest) -> None:
    instance, holder = there.start(), Listener()
    there.pool.hold(instance, "s", holder)
    there.unit(Active.DEACTIVATING, exited=Exit.KILLED, status=11)
    assert holder.heard == [(instance, EndCause.CRASHED, "killed by signal 11 (SIGSEGV)")]
    slot = there.unit(Active.INACTIVE, exited=Exit.KILLED, status=11)
    assert (slot.life, slot.retry_at) == (None, 0.0)
    assert len(holder.heard) == 1, "and only once"


def test_memory(there: PoolTest) -> None:
    instance, holder = there.start(), Listener()
    there.pool.hold(instance, "s", holder)
    there.unit(Active.DEACTIVATING, exited=Exit.KILLED, status=9, result=Result.OOM_KILL)
    assert holder.heard == [(instance, EndCause.OUT_OF_MEMORY, "used more memory than it may")]
    assert there.counted("oom_kills_total") == 1


def test_a_restart_by_hand_is_an_end_and_a_new_life(there: PoolTest) -> None:
    instance, holder = there.start(A), Listener()
    there.pool.hold(instance, "s", holder)
    there.unit(Active.DEACTIVATING)
    life = there.unit(Active.ACTIVATING, B).life
    assert life
    assert (life.id, life.generation) == (f"h_0_{B}", 2)
    assert [cause for _, cause, _ in holder.heard] == [EndCause.STOPPED]


def test_a_slot_that_never_gets_ready_pauses_longer_each_time(there: PoolTest) -> None:
    pauses = []
    for turn in range(9):
        invocation = f"{turn:032x}"
        there.unit(Active.ACTIVATING, invocation)
        slot = there.unit(Active.FAILED, invocation, Exit.EXITED, 1, Result.EXIT_CODE)
        pauses.append(slot.retry_at - there.clock.now)
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert slot.failure == "crashed: exited with status 1"


def test_one_crash_of_a_ready_browser_is_forgiven_but_not_one_after_another(there: PoolTest) -> None:
    pauses = []
    for turn in range(3):
        there.start(f"{turn:032x}")
        slot = there.die(f"{turn:032x}")
        pauses.append(slot.retry_at - there.clock.now if slot.retry_at else 0)
    assert pauses == [0, 0.25, 0.5]


def test_a_browser_that_lived_or_had_a_session_is_no_failure_of_the_slot(there: PoolTest) -> None:
    for turn in range(3):
        there.pool.hold(there.start(f"{turn:032x}"), "s", Listener())
        assert there.die(f"{turn:032x}").retry_at == 0
    for turn in range(3, 6):
        there.start(f"{turn:032x}")
        there.clock.now += 11
        assert there.die(f"{turn:032x}").retry_at == 0


def test_a_start_that_failed_without_a_life_counts_once(there: PoolTest) -> None:
    there.pool.start_failed(0, "cannot start: refused", failures_before=0)
    assert there.pool.slot(0).failures == 1
    there.pool.start_failed(0, "cannot start: job failed", failures_before=0)
    assert there.pool.slot(0).failures == 1, "its life has been counted already"


def test_holding(there: PoolTest) -> None:
    instance, one, other = there.start(), Listener(), Listener()
    assert there.pool.hold("h_0_x", "", one) == "unknown or ended"
    assert there.pool.hold(instance, "", one) == ""
    assert there.pool.hold(instance, "", other) == "held by another"
    there.clock.now += 5
    assert there.pool.hold(instance, "s", one) == ""
    there.clock.now += 5
    assert there.pool.hold(instance, "s", one) == ""
    life = there.pool.slot(0).life
    assert life
    assert (life.session, life.session_since) == ("s", 1005.0), "said again it is the same session"
    for another in ("", "t"):
        assert there.pool.hold(instance, another, one) == "in use by another session"


def test_what_is_released_is_nobodys_and_its_holder_is_not_told(there: PoolTest) -> None:
    instance, holder = there.start(), Listener()
    there.pool.hold(instance, "s", holder)
    there.pool.release(instance, "client left", holder)
    life = there.pool.slot(0).life
    assert life
    assert life.end
    assert (life.end.detail, holder.heard) == ("released: client left", [])
    assert there.pool.hold(instance, "s", holder) == "unknown or ended"
    there.die()
    assert holder.heard == []


def test_nobody_releases_what_another_holds(there: PoolTest) -> None:
    instance, one, other = there.start(), Listener(), Listener()
    there.pool.hold(instance, "s", one)
    there.pool.release(instance, "", other)
    there.pool.drop(other)
    assert there.pool.current(instance)
    there.pool.drop(one)
    assert not there.pool.current(instance)


def next_agents(folder: Path) -> PoolTest:
    """The pool of an agent that finds slot 0 running."""
    there = PoolTest(folder)
    there.pool.observe(Listed((UnitState(0, Active.ACTIVE, A),), "252"))
    there.pool.answered(f"h_0_{A}", "ws://x", "Chrome/1")
    return there


def test_what_was_given_out_is_given_to_nobody_else_by_the_next_agent(there: PoolTest, tmp_path: Path) -> None:
    instance, one, other = there.start(), Listener(), Listener()
    assert not there.pool.slot(0).life.given  # type: ignore[union-attr]
    there.pool.hold(instance, "", one)
    after = next_agents(tmp_path).pool
    assert after.slot(0).life.orphaned  # type: ignore[union-attr]
    assert after.hold(instance, "", other) == "given to another before"
    assert after.hold(instance, "s", one, again=True) == ""
    assert not after.slot(0).life.orphaned  # type: ignore[union-attr]
    assert after.hold(instance, "s", other, again=True) == "held by another"


def test_what_was_released_while_no_agent_was_there_ends(there: PoolTest, tmp_path: Path) -> None:
    instance, holder = there.start(), Listener()
    there.pool.hold(instance, "s", holder)
    after = next_agents(tmp_path).pool
    after.release(instance, "client left", Listener())
    assert not after.current(instance)


def test_what_was_given_to_nobody_is_free_for_the_next_agent_too(there: PoolTest, tmp_path: Path) -> None:
    there.start(B)
    there.pool.hold(f"h_0_{B}", "", Listener())
    there.die(B)
    instance = there.start()
    assert next_agents(tmp_path).pool.hold(instance, "", Listener()) == ""


def test_what_cannot_be_noted_is_not_given(there: PoolTest, tmp_path: Path) -> None:
    instance = there.start()
    (tmp_path / "slots/0.given").mkdir()
    assert there.pool.hold(instance, "", Listener()).startswith("the agent cannot note that it is given out: ")
    (tmp_path / "slots/0.given").rmdir()
    assert there.pool.hold(instance, "", Listener()) == ""


def test_what_is_not_ready_cannot_be_held_unless_it_was_there_before_the_agent(there: PoolTest) -> None:
    there.unit(Active.ACTIVE)
    assert there.pool.hold(f"h_0_{A}", "", Listener()) == "not ready"
    there.pool.observe(Listed((UnitState(1, Active.ACTIVE, B),), "252"))
    assert there.pool.hold(f"h_1_{B}", "s", Listener()) == ""


def test_what_happened_while_the_bus_was_away(there: PoolTest) -> None:
    instance, holder = there.start(), Listener()
    there.pool.hold(instance, "s", holder)
    there.pool.observe(Lost("bus"))
    assert there.pool.current(instance), "nothing is concluded from silence"
    there.pool.observe(Listed((), "252"))
    assert [heard[1] for heard in holder.heard] == [EndCause.STOPPED]
    assert there.pool.slot(0).life is None


def test_nothing_is_lost_over_an_outage_of_the_bus(there: PoolTest) -> None:
    instance, holder = there.start(), Listener()
    there.pool.hold(instance, "s", holder)
    before = there.pool.slot(0)
    there.pool.observe(Lost("bus"))
    there.pool.observe(Listed((UnitState(0, Active.ACTIVE, A),), "252"))
    assert there.pool.slot(0) == before
    assert there.pool.slot(0).doing is Doing.NOTHING
