"""What is true of this host at the moment of a scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from waypoint_agent import pressure
from waypoint_agent.cgroups import Cgroups
from waypoint_agent.desired import Desired
from waypoint_agent.pool import Pool
from waypoint_agent.summary import state
from waypoint_core.model import InstanceState

_STATES = (
    InstanceState.STARTING,
    InstanceState.READY,
    InstanceState.CLAIMED,
    InstanceState.RECYCLING,
    InstanceState.FAILED,
)
_PROC = Path("/proc")

Samples = Iterable[tuple[tuple[str, ...], float]]


class Gauges(Collector):
    """Reads pool, registry tables, cgroups and PSI when it is asked; what cannot be had is left out."""

    def __init__(
        self,
        pool: Pool,
        desired: Desired,
        *,
        slots: Callable[[], int],
        clock: Callable[[], float],
        cgroups: Cgroups,
        proc: Path = _PROC,
    ) -> None:
        self._pool = pool
        self._desired = desired
        self._slots = slots
        self._clock = clock
        self._cgroups = cgroups
        self._proc = proc

    def collect(self) -> Iterator[Metric]:
        """All families with what is there now."""
        yield _gauge(
            "browsers",
            "Slots by the state of their browser; ready: unclaimed; failed: the last start came to nothing.",
            self._states(),
            "state",
        )
        yield _gauge("slots", "Browsers that this host is to keep running.", [((), self._slots())])
        yield _gauge("registry_lost_seconds", "For how long etcd cannot be followed; 0 while it can.", self._lost())
        yield _gauge(
            "slot_memory_bytes",
            "Memory of the slot's browser with all its processes and files in memory, as MemoryMax= counts it.",
            self._of_slots(self._cgroups.memory),
            "slot",
        )
        yield self._processor_time()
        yield _gauge(
            "pressure_ratio",
            "Part of the last 10 s in which tasks of this host stood still for want of a resource; full: all of them.",
            (((found.resource, found.kind), found.avg10 / 100) for found in pressure.read(self._proc)),
            "resource",
            "kind",
        )

    def _processor_time(self) -> Metric:
        family = CounterMetricFamily(
            "waypoint_agent_slot_cpu_seconds",
            "Processor time of the slot's browser with all its processes; starts anew with each browser.",
            labels=["slot"],
        )
        for labels, value in self._of_slots(self._cgroups.cpu):
            family.add_metric(labels, value)
        return family

    def _states(self) -> Samples:
        counts = Counter(state(slot, self._desired.claims) for slot in self._pool.slots())
        return [((name,), counts[name]) for name in _STATES]

    def _lost(self) -> Samples:
        lost_at = self._desired.lost_at
        return [((), 0.0 if lost_at is None else self._clock() - lost_at)]

    def _of_slots(self, read: Callable[[int], float | None]) -> Samples:
        for slot in self._pool.slots():
            if slot.life and (value := read(slot.number)) is not None:
                yield (str(slot.number),), value


def _gauge(name: str, help: str, samples: Samples, *labels: str) -> Metric:  # noqa: A002 - as Prometheus calls it
    family = GaugeMetricFamily(f"waypoint_agent_{name}", help, labels=labels)
    for values, value in samples:
        family.add_metric(values, value)
    return family
