"""What a scrape finds, on cgroups of both versions and without any."""

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from unit.agent.parts import PoolTest
from waypoint_agent.cgroups import Cgroups
from waypoint_agent.desired import Desired
from waypoint_agent.gauges import Gauges

BROWSER = "waypoint.slice/waypoint-browsers.slice/waypoint-browser@0.service"


def write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


def unified(root: Path) -> None:
    write(root / "cgroup.controllers", "cpu memory pids\n")
    write(root / BROWSER / "memory.current", "104857600\n")
    write(root / BROWSER / "cpu.stat", "usage_usec 1500000\nuser_usec 1000000\nsystem_usec 500000\n")


def hybrid(root: Path) -> None:
    write(root / "unified/cgroup.controllers", "")
    write(root / "memory" / BROWSER / "memory.usage_in_bytes", "104857600\n")
    write(root / "unified" / BROWSER / "cpu.stat", "usage_usec 1500000\n")


def version_1(root: Path) -> None:
    write(root / "memory" / BROWSER / "memory.usage_in_bytes", "104857600\n")
    write(root / "cpuacct" / BROWSER / "cpuacct.usage", "1500000000\n")


def nothing(root: Path) -> None:
    root.mkdir()


def broken(root: Path) -> None:
    write(root / "cgroup.controllers", "")
    write(root / BROWSER / "memory.current", "")
    write(root / BROWSER / "cpu.stat", "usage\n")


@pytest.fixture
def there(tmp_path: Path) -> PoolTest:
    return PoolTest(tmp_path)


def registered(there: PoolTest, folder: Path, desired: Desired) -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges = Gauges(
        there.pool,
        desired,
        slots=lambda: 4,
        clock=there.clock,
        cgroups=Cgroups(folder / "cgroup"),
        proc=folder / "proc",
    )
    registry.register(gauges)
    return registry


@pytest.mark.parametrize(
    ("machine", "memory", "cpu"),
    [
        (unified, 104857600, 1.5),
        (hybrid, 104857600, 1.5),
        (version_1, 104857600, 1.5),
        (nothing, None, None),
        (broken, None, None),
    ],
)
def test_what_browsers_use(
    machine: Callable[[Path], None], memory: float | None, cpu: float | None, there: PoolTest, tmp_path: Path
) -> None:
    machine(tmp_path / "cgroup")
    there.start()
    sample = registered(there, tmp_path, Desired(lost_at=None)).get_sample_value
    assert sample("waypoint_agent_slot_memory_bytes", {"slot": "0"}) == memory
    assert sample("waypoint_agent_slot_cpu_seconds_total", {"slot": "0"}) == cpu


def test_states(there: PoolTest, tmp_path: Path) -> None:
    desired = Desired(lost_at=None)
    registry = registered(there, tmp_path, desired)

    def states() -> dict[str, float]:
        [family] = [family for family in registry.collect() if family.name == "waypoint_agent_browsers"]
        return {sample.labels["state"]: sample.value for sample in family.samples}

    assert states() == {"starting": 0, "ready": 0, "claimed": 0, "recycling": 0, "failed": 0}
    instance = there.start()
    assert states()["ready"] == 1
    desired.claims[instance] = there.clock.now
    assert (states()["ready"], states()["claimed"]) == (0, 1)
    there.die()
    there.pool.start_failed(0, "cannot start: refused", failures_before=1)
    assert states()["failed"] == 1


def test_pressure_is_a_ratio(there: PoolTest, tmp_path: Path) -> None:
    for resource in ("cpu", "memory"):
        write(
            tmp_path / "proc/pressure" / resource,
            "some avg10=25.50 avg60=15.38 avg300=15.03 total=150597918\n"
            "full avg10=1.00 avg60=0.00 avg300=0.00 total=0\n",
        )
    sample = registered(there, tmp_path, Desired(lost_at=None)).get_sample_value
    assert sample("waypoint_agent_pressure_ratio", {"resource": "cpu", "kind": "some"}) == 0.255
    assert sample("waypoint_agent_pressure_ratio", {"resource": "memory", "kind": "full"}) == 0.01
    assert sample("waypoint_agent_pressure_ratio", {"resource": "io", "kind": "some"}) is None


def test_a_lost_registry(there: PoolTest, tmp_path: Path) -> None:
    desired = Desired(lost_at=None)
    sample = registered(there, tmp_path, desired).get_sample_value
    assert sample("waypoint_agent_registry_lost_seconds") == 0
    desired.lost_at = there.clock.now
    there.clock.now += 30
    assert sample("waypoint_agent_registry_lost_seconds") == 30
    assert sample("waypoint_agent_slots") == 4
