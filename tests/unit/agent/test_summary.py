"""How loaded a host is, and when that is news."""

import dataclasses
from pathlib import Path

import pytest

from waypoint_agent import summary
from waypoint_agent.slots import End, Life, Slot
from waypoint_core.hold import EndCause
from waypoint_core.model import HostSummary

GIB = 1 << 30
BASE = HostSummary(2.0, 16 * GIB, 8 * GIB, {"cpu": 5.0}, {"ready": 4})


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    (tmp_path / "loadavg").write_text("1.25 1.00 0.50 2/315 1978\n")
    (tmp_path / "meminfo").write_text(
        "MemTotal:       16 kB\nMemFree: 1 kB\nMemAvailable:   8 kB\nHugePages_Total: 0\n"
    )
    (tmp_path / "pressure").mkdir()
    (tmp_path / "pressure/cpu").write_text("some avg10=18.84 avg60=15.38 avg300=15.03 total=150597918\n")
    return tmp_path


def test_reading(proc: Path) -> None:
    life = Life("h_0_a", "a", 1, 0.0)
    ready = dataclasses.replace(life, ready=True)
    slots = [
        Slot(0, life),
        Slot(1, ready),
        Slot(2, dataclasses.replace(ready, id="claimed")),
        Slot(3, dataclasses.replace(ready, end=End(EndCause.STOPPED, ""))),
        Slot(4, retry_at=1.0),
    ]
    read = summary.read(slots, {"claimed": 0.0}, proc)
    assert (read.load1, read.memory_total, read.memory_available) == (1.25, 16384, 8192)
    assert read.pressure == {"cpu": 18.84}
    assert read.instances == {"starting": 1, "ready": 1, "claimed": 1, "recycling": 1, "failed": 1}


@pytest.mark.parametrize(
    ("new", "news"),
    [
        (BASE, False),
        (dataclasses.replace(BASE, load1=2.4), False),
        (dataclasses.replace(BASE, load1=2.6), True),
        (dataclasses.replace(BASE, memory_available=int(7.5 * GIB)), False),
        (dataclasses.replace(BASE, memory_available=7 * GIB), True),
        (dataclasses.replace(BASE, pressure={"cpu": 14.0}), False),
        (dataclasses.replace(BASE, pressure={"cpu": 16.0}), True),
        (dataclasses.replace(BASE, instances={"ready": 3}), True),
    ],
)
def test_news(new: HostSummary, news: bool) -> None:
    assert summary.differs(BASE, new) is news
    assert summary.differs(None, new)
