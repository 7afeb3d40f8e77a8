"""The leader is killed or frozen at each step of what it does: every step is carried out once, by one leader."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from fault.planes import GRACE, HOST_LEASE, KEYS, UNIT, Planes, booted, struck
from system.outsider import outsider
from waypoint_core.keys import REGISTERED, host_of
from waypoint_lab import Host

BLOWS = ["killed", "stopped"]
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def planes() -> Iterator[Planes]:
    with booted() as running:
        yield running


def until(true: Callable[[], object], within: float) -> None:
    end = time.monotonic() + within
    while (said := true()) is not True:
        assert time.monotonic() < end, said
        time.sleep(0.1)


def refusals(host: Host) -> int:
    """How often the control plane of a host had a write refused because it leads no more."""
    return host.journal(UNIT).count("write refused")


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("step", ["before", "after"])
def test_bonds(planes: Planes, blow: str, step: str) -> None:
    """before: the leader is struck first, then the parent killed; after: both at once, so that it may be half-way."""
    leader = planes.acting()
    since = planes.revision()
    with outsider([planes.bystander(leader)]) as program:
        browser = program.has["browser"]
        if step == "before":
            with struck(planes, leader, blow):
                program.kill_parent()
                end = program.end()
        else:
            program.kill_parent()
            with struck(planes, leader, blow):
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
    leader = planes.acting()
    other = planes.bystander(leader)
    drained = planes.lost
    since = planes.revision()
    given = json.loads(planes.ctl("connect", "--host", drained.name, "-o", "json", host=other))
    deadline = 12 if step == "before the deadline" else 4
    drain = ("drain", drained.name, "--deadline", f"{deadline}s", "--reason", "fault test", "--no-wait")
    claim = KEYS.claim(given["instance"])
    try:
        if step == "before the drain":
            with struck(planes, leader, blow):
                planes.ctl(*drain, host=other)
                until(lambda: claim not in planes.fleet.entries(), 60)
        else:
            planes.ctl(*drain, host=other)
            if step == "at the deadline":
                time.sleep(deadline)  # the moment itself is what the leader is struck at
            with struck(planes, leader, blow):
                until(lambda: claim not in planes.fleet.entries(), 60)
        if blow == "stopped":
            until(lambda: planes.acting() is not leader or True, 30)
        kills = planes.written(KEYS.desired_instances(drained.name), since)
        assert kills == {KEYS.desired_instance(drained.name, given["instance"]): 1}
        assert planes.written(KEYS.desired_host(drained.name), since).total() == 1
    finally:
        planes.ctl("uncordon", drained.name, host=other)


@pytest.mark.parametrize("blow", BLOWS)
@pytest.mark.parametrize("step", ["before it is suspect", "while it is suspect"])
def test_remediation(planes: Planes, blow: str, step: str) -> None:
    leader = planes.acting()
    lost = planes.lost
    known = KEYS.known_host(lost.name)

    def state() -> str:
        return json.loads(planes.fleet.entries()[known].value)["state"]

    until(lambda: state() == "ready" or state(), 30)
    since = planes.revision()
    lost.unplug()
    try:
        if step == "while it is suspect":
            until(lambda: state() == "suspect" or state(), 4 * HOST_LEASE)
        with struck(planes, leader, blow):
            until(lambda: state() == "gone" or state(), 4 * (HOST_LEASE + GRACE) + 30)
        until(lambda: bool(planes.acting()), 30)
        assert [each["state"] for each in planes.values(known, since)] == ["suspect", "gone"]
    finally:
        lost.plug()
        until(lambda: state() == "ready" or state(), 60)
        planes.ctl("uncordon", lost.name)


def test_a_resumed_leaders_writes_are_refused(planes: Planes) -> None:
    leader = planes.acting()
    before = refusals(leader)
    with struck(planes, leader, "stopped"):
        planes.acting()
    until(lambda: refusals(leader) > before or leader.journal(UNIT, 20), 30)
    assert planes.acting() is not leader
