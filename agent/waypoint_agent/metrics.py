"""What the agent counts and times itself; what it is asked for at each scrape is in `gauges`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from waypoint_core.hold import EndCause

_START_BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0)
_RECYCLE_BUCKETS = (*_START_BUCKETS, 30.0, 60.0)


class Metrics:
    """How the browsers of this host begin and end."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._starts = Histogram(
            "waypoint_agent_start_seconds",
            "How long browsers took from the start of their unit to their first answer.",
            buckets=_START_BUCKETS,
            registry=registry,
        )
        self._recycles = Histogram(
            "waypoint_agent_recycle_seconds",
            "How long slots were without a ready browser: from the end of one to the first answer of the next.",
            buckets=_RECYCLE_BUCKETS,
            registry=registry,
        )
        self._ends = Counter(
            "waypoint_agent_ends",
            "Browsers that ended, by cause; stopped is the regular one: released, renewed, or stopped by hand.",
            ["cause"],
            registry=registry,
        )
        self._oom_kills = Counter(
            "waypoint_agent_oom_kills",
            "Browsers that ended because they outgrew their memory, as far as systemd knows: with version 1 of "
            "cgroups it does not, and they count as crashed.",
            registry=registry,
        )
        for cause in EndCause:
            self._ends.labels(cause)

    def started(self, seconds: float) -> None:
        """A browser is ready so long after its unit was started."""
        self._starts.observe(seconds)

    def replaced(self, seconds: float) -> None:
        """A browser is ready so long after the one before it in its slot ended."""
        self._recycles.observe(seconds)

    def ended(self, cause: EndCause) -> None:
        """A browser has ended."""
        self._ends.labels(cause).inc()
        if cause is EndCause.OUT_OF_MEMORY:
            self._oom_kills.inc()
