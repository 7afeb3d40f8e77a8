"""What Prometheus is told of leading."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.measure import LeaderMetrics
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import DesiredHost, Freeze, HostAlive, HostState, KnownHost
from waypoint_core.registry import Entry, Synced, Written

KEYS = Keys()


class Told:
    def __init__(self) -> None:
        self.now = 1000.0
        self.registry = CollectorRegistry()
        self.fleet = Fleet(KEYS, lambda: self.now)
        self.metrics = LeaderMetrics(self.registry, self.fleet, lambda: self.now)

    def put(self, key: str, record: object) -> None:
        self.fleet.apply(Written(Entry(key, encode(record), 1, 1)))

    def sample(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"waypoint_controlplane_{name}", labels)


@pytest.fixture
def told() -> Told:
    return Told()


def test_hosts_by_state(told: Told) -> None:
    for name in ("a", "b"):
        told.put(KEYS.host_alive(name), HostAlive("e", "b", 1))
    told.put(KEYS.desired_host("b"), DesiredHost(cordon=True, drain_deadline=1.0))
    told.put(KEYS.known_host("c"), KnownHost(HostState.SUSPECT, 1.0))
    counts = {state: told.sample("hosts", state=state) for state in HostState}
    assert counts == {"ready": 1, "cordoned": 0, "draining": 1, "suspect": 1, "gone": 0}


@pytest.mark.parametrize(("freeze", "shown"), [(None, 0), (True, 1), (False, 0)])
def test_the_freeze(told: Told, freeze: bool | None, shown: int) -> None:
    if freeze is not None:
        told.put(KEYS.freeze, Freeze(frozen=freeze, by="ann"))
    assert told.sample("frozen") == shown


def test_how_stale_the_tables_may_be(told: Told) -> None:
    told.fleet.apply(Synced(1))
    told.now += 7
    assert told.sample("watch_staleness_seconds") == 7
    told.put(KEYS.host_alive("a"), HostAlive("e", "b", 1))
    assert told.sample("watch_staleness_seconds") == 0


def test_the_rest_counts(told: Told) -> None:
    told.metrics.leader.set(True)
    told.metrics.decisions.labels("kill", "done").inc()
    told.metrics.kills.labels("parent_dead").inc()
    assert told.sample("leader") == 1
    assert told.sample("decisions_total", decision="kill", outcome="done") == 1
    assert told.sample("kills_total", kind="parent_dead") == 1


def test_every_family_has_help(told: Told) -> None:
    lines = generate_latest(told.registry).decode().splitlines()
    helped = {line.split()[2] for line in lines if line.startswith("# HELP") and len(line.split()) > 5}
    typed = {
        line.split()[2] for line in lines if line.startswith("# TYPE") and not line.split()[2].endswith("_created")
    }
    assert typed <= helped
