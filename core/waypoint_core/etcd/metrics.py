"""The Observer that measures."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from waypoint_core.etcd.methods import LEASE_KEEP_ALIVE, PUT, RANGE, TXN

_BUCKETS = (0.002, 0.01, 0.05, 0.25, 1.0, 5.0)


class EtcdMetrics:
    """How this daemon fares with etcd."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "waypoint_etcd_calls",
            "Calls of etcd by method and outcome: ok, unavailable (no member answered in time), refused "
            "(credentials, quota, a malformed request) or lease_lost. A call that was repeated counts once.",
            ["method", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "waypoint_etcd_call_seconds",
            "How long calls of etcd took, from the first attempt to the last answer, whatever the outcome.",
            ["method"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._retries = Counter(
            "waypoint_etcd_retries",
            "Attempts that were made because the one before failed, mostly at another member.",
            ["method"],
            registry=registry,
        )
        for method in (TXN, RANGE, PUT, LEASE_KEEP_ALIVE):
            self._retries.labels(str(method))
        self._resumes = Counter(
            "waypoint_etcd_watch_resumes",
            "Times a watch went on after an interruption; no event is lost by it.",
            registry=registry,
        )
        self._leases_lost = Counter(
            "waypoint_etcd_leases_lost",
            "Leases that etcd no longer knew although this daemon kept them alive; their keys were gone with them.",
            registry=registry,
        )
        self._events = Counter(
            "waypoint_etcd_watch_events",
            "Keys that watches told this daemon of: created, changed, removed, or found when listing.",
            registry=registry,
        )

    def called(self, method: str, outcome: str, seconds: float) -> None:
        """A call ended, with all its repetitions."""
        self._calls.labels(method, outcome).inc()
        self._seconds.labels(method).observe(seconds)

    def retried(self, method: str) -> None:
        """A call is tried again."""
        self._retries.labels(method).inc()

    def resumed(self) -> None:
        """A watch goes on after an interruption."""
        self._resumes.inc()

    def delivered(self, events: int) -> None:
        """A watch hands out changes."""
        self._events.inc(events)

    def lost_lease(self) -> None:
        """A lease that was kept alive is gone."""
        self._leases_lost.inc()
