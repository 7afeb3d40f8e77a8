"""What a control plane tells Prometheus about leading, and about what it leads."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge

from waypoint_controlplane.fleet import Fleet
from waypoint_core.model import HostState, KillKind


class LeaderMetrics:
    """Families on a registry. What the tables show is read from the fleet when Prometheus asks."""

    def __init__(self, registry: CollectorRegistry, fleet: Fleet, clock: Callable[[], float] = time.time) -> None:
        self._fleet = fleet
        self._clock = clock
        self.leader = Gauge(
            "waypoint_controlplane_leader",
            "1 while this control plane certainly leads; the sum over all of them should be 1.",
            registry=registry,
        )
        self.decisions = Counter(
            "waypoint_controlplane_decisions",
            "Decisions of this leader by what became of them: done; already, because what they were decided upon no"
            " longer held; deposed, because another leads; unknown, because etcd did not say.",
            ("decision", "outcome"),
            registry=registry,
        )
        self.kills = Counter(
            "waypoint_controlplane_kills",
            "Instances whose end this leader has asked for, by kind: health_check_failed after missing heartbeats,"
            " parent_dead with their parent, killed at a drain's deadline.",
            ("kind",),
            registry=registry,
        )
        for kind in (KillKind.HEALTH_CHECK_FAILED, KillKind.PARENT_DEAD, KillKind.KILLED):
            self.kills.labels(kind)
        hosts = Gauge(
            "waypoint_controlplane_hosts",
            "Hosts by state: ready, cordoned, draining, suspect (without its lease), gone.",
            ("state",),
            registry=registry,
        )
        for state in HostState:
            hosts.labels(state).set_function(functools.partial(self._count, state))
        Gauge(
            "waypoint_controlplane_frozen",
            "1 while remediation is frozen, by an operator or by a mass loss.",
            registry=registry,
        ).set_function(self._frozen)
        Gauge(
            "waypoint_controlplane_watch_staleness_seconds",
            "Time since this control plane's tables were last known to be current; more than 5 s and a leader's tick"
            " is missing.",
            registry=registry,
        ).set_function(self._staleness)

    def _count(self, state: HostState) -> int:
        return sum(self._fleet.host_state(host) is state for host in self._fleet.hosts())

    def _frozen(self) -> float:
        freeze = self._fleet.freeze
        return float(freeze is not None and freeze.record.frozen)

    def _staleness(self) -> float:
        return max(0.0, self._clock() - self._fleet.current_at)
