"""The leader is killed or frozen at each step of what it does: every step is carried out once, by one leader."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from fault.planes import KEYS, LEASE, UNIT, Planes, booted, lines, struck
from system.news import PATIENCE
from system.outsider import outsider
from waypoint_core.keys import REGISTERED, host_of

BLOWS = ["killed", "stopped"]


@pytest.fixture(scope="module")
def planes() -> Iterator[Planes]:
    with booted() as running:
        yield running


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("step", ["before", "after"])
def test_bonds(planes: Planes, blow: str, step: str) -> None:
    """before: the leader is struck first, then the parent killed; after: both at once, so that it may be half-way."""
    leader = planes.acting()
    since = planes.revision()
    with outsider([planes.bystander(leader)]) as program:
        browser = program.has["browser"]
        if step == "before":
            with struck(planes, blow):
                program.kill_parent()
                end = program.end()
        else:
            program.kill_parent()
            with struck(planes, blow):
                end = program.end()
    assert (end["parent"], end["child"]) == ("KILLED", "PARENT_DEAD")
    assert "parent dead" in end["close"][1]
    child = KEYS.desired_instance(REGISTERED, program.has["child"])
    kills = planes.written(f"{KEYS.desired}inst/", since)
    assert kills[child] == 1
    assert kills[KEYS.desired_instance(host_of(browser), browser)] == 1


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("step", ["before the drain", "before the deadline", "at the deadline"])
def test_drain(planes: Planes, blow: str, step: str) -> None:
    planes.acting()
    drained = planes.lost
    since = planes.revision()
    given = planes.connected(drained)
    deadline = 3 * LEASE if step == "before the deadline" else 4
    drain = ("drain", drained.name, "--deadline", f"{deadline}s", "--reason", "fault test", "--no-wait")
    claim = KEYS.claim(given)
    kill = KEYS.desired_instance(drained.name, given)
    try:
        if step == "before the drain":
            with struck(planes, blow):
                planes.ctl(*drain)
                planes.until(claim, lambda held: held is None)
        else:
            planes.ctl(*drain)
            if step == "at the deadline":
                planes.until(kill, lambda request: request is not None)  # the leader is struck as it carries it out
            with struck(planes, blow):
                planes.until(claim, lambda held: held is None)
        if blow == "stopped":
            planes.acting()
        kills = planes.written(KEYS.desired_instances(drained.name), since)
        assert kills == {kill: 1}
        assert planes.written(KEYS.desired_host(drained.name), since).total() == 1
    finally:
        planes.ctl("uncordon", drained.name)


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("step", ["before it is suspect", "while it is suspect"])
def test_remediation(planes: Planes, blow: str, step: str) -> None:
    planes.acting()
    lost = planes.lost
    known = KEYS.known_host(lost.name)

    def is_state(name: str) -> None:
        planes.until(known, lambda host: host and host["state"] == name)

    is_state("ready")
    since = planes.revision()
    lost.unplug()
    try:
        if step == "while it is suspect":
            is_state("suspect")
        with struck(planes, blow):
            is_state("gone")
        planes.acting()
        assert [each["state"] for each in planes.values(known, since)] == ["suspect", "gone"]
    finally:
        lost.plug()
        is_state("ready")
        planes.ctl("uncordon", lost.name)


def test_a_resumed_leaders_writes_are_refused(planes: Planes) -> None:
    planes.acting()
    with struck(planes, "stopped") as leader:
        *_, cursor = leader.run("journalctl", "-n", "1", "--show-cursor").stdout.split("-- cursor: ")
        follow = ("journalctl", "-f", "-o", "cat", f"--after-cursor={cursor.strip()}", "--unit", UNIT)
        planes.acting()
        leader.run("systemctl", "kill", "--signal=SIGCONT", "--kill-whom=main", UNIT)
        with closing(lines(leader, PATIENCE, *follow)) as said:
            assert any("write refused" in line for line in said)
    assert planes.acting() is not leader
