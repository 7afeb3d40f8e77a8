"""What outlives the process that booted a host."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from waypoint_lab import record as records
from waypoint_lab.errors import LabError
from waypoint_lab.process import end, started
from waypoint_lab.record import Record


@pytest.fixture(autouse=True)
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(records, "RUN", tmp_path / "run")
    return tmp_path / "run"


def test_a_name_is_claimed_once() -> None:
    Record("a", "veth").claim()
    with pytest.raises(LabError, match="down a"):
        Record("a", "machine").claim()
    assert records.find("a") == Record("a", "veth")
    assert records.find("b") is None


def test_records_are_listed_by_name_without_drafts(run: Path) -> None:
    Record("b", "veth", subnet=3, pid1=7).claim()
    Record("a", "veth").claim()
    Record("a", "veth", pid1=9).save()
    assert records.find_all() == [Record("a", "veth", pid1=9), Record("b", "veth", subnet=3, pid1=7)]
    assert len(list(run.iterdir())) == 2


def test_a_host_is_an_orphan_when_its_owner_is_gone_or_is_another_process_of_that_number() -> None:
    me = os.getpid()
    mine = Record("a", "veth", owner=me, owner_started=started(me))
    assert mine.in_use
    assert not mine.orphaned
    assert Record("a", "veth", owner=me, owner_started=started(me) - 1).orphaned
    for_good = Record("a", "veth")
    assert not for_good.in_use
    assert not for_good.orphaned
    child = subprocess.Popen(["true"])
    child.wait()
    assert Record("a", "veth", owner=child.pid, owner_started=1).orphaned


def test_end_returns_when_processes_have_exited() -> None:
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    assert not end([children[0].pid], 0, 0.01)
    assert end([child.pid for child in children])
    assert {child.wait() for child in children} == {-signal.SIGKILL}
    assert end([child.pid for child in children])
