"""What the proxy measures: counted and timed at the seams between its parts, nothing for a message."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from waypoint_core.model import ClaimKind
from waypoint_proxy.endings import End

PHASES = ("handshake", "browser")
OUTCOMES = ("won", "lost", "refused", "unreachable")
_CONNECT_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0)
_QUEUE_BUCKETS = (0.001, 0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_SESSION_BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0)


class Metrics:
    """How this proxy serves its clients."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._ends = Counter(
            "waypoint_proxy_sessions",
            "Sessions that have ended, by the kind of their claim and by how they ended.",
            ["kind", "end"],
            registry=registry,
        )
        self._lasted = Histogram(
            "waypoint_proxy_session_seconds",
            "How long sessions lasted.",
            buckets=_SESSION_BUCKETS,
            registry=registry,
        )
        self._queued = Histogram(
            "waypoint_proxy_queue_seconds",
            "How long clients waited for a browser, whether they got one or not.",
            buckets=_QUEUE_BUCKETS,
            registry=registry,
        )
        self._connects = Histogram(
            "waypoint_proxy_connect_seconds",
            "How long the phases of a connect took: handshake, until the request head was there; "
            "browser, until the browser had accepted. The wait between them is waypoint_proxy_queue_seconds.",
            ["phase"],
            buckets=_CONNECT_BUCKETS,
            registry=registry,
        )
        self._refusals = Counter(
            "waypoint_proxy_refusals",
            "Requests that were answered with an error, by HTTP status.",
            ["status"],
            registry=registry,
        )
        self._claims = Counter(
            "waypoint_proxy_claims",
            "Attempts to claim a browser ahead of demand: won; lost to another claimer; refused by the agent; "
            "unreachable, it did not accept a connection.",
            ["outcome"],
            registry=registry,
        )
        for phase in PHASES:
            self._connects.labels(phase)
        for outcome in OUTCOMES:
            self._claims.labels(outcome)
        self._refusals.labels("503")

    def gauges(
        self,
        *,
        sessions: Callable[[], int],
        connections: Callable[[], int],
        waiting: Callable[[], int],
        reserve: Callable[[], int],
        target: Callable[[], int],
        stale: Callable[[], float],
        moved: Callable[[], tuple[int, int]],
    ) -> None:
        """What is asked for at each scrape; moved: bytes from clients and to clients since the start."""
        told = (
            ("live_sessions", "Sessions that have a browser now.", sessions),
            ("connections", "Client connections now.", connections),
            ("queue_length", "Clients that wait for a browser now.", waiting),
            ("reserve", "Browsers that are claimed ahead of demand now.", reserve),
            ("reserve_target", "Browsers that should be claimed ahead of demand.", target),
            ("registry_stale_seconds", "For how long etcd cannot be followed; 0 while it can.", stale),
        )
        for name, what, read in told:
            Gauge(f"waypoint_proxy_{name}", what, registry=self._registry).set_function(read)
        self._registry.register(_Bytes(moved))

    def connected(self, phase: str, seconds: float) -> None:
        """A phase of a connect is done."""
        self._connects.labels(phase).observe(seconds)

    def waited(self, seconds: float) -> None:
        """A client waits for a browser no more."""
        self._queued.observe(seconds)

    def refused(self, status: int) -> None:
        """A request was answered with an error."""
        self._refusals.labels(str(int(status))).inc()

    def claimed(self, outcome: str) -> None:
        """An attempt to claim a browser has ended."""
        self._claims.labels(outcome).inc()

    def ended(self, kind: ClaimKind, end: End, seconds: float) -> None:
        """A session has ended."""
        self._ends.labels(kind.value, end.value).inc()
        self._lasted.observe(seconds)


class _Bytes(Collector):
    def __init__(self, moved: Callable[[], tuple[int, int]]) -> None:
        self._moved = moved

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "waypoint_proxy_bytes",
            "Bytes of sessions' connections, as the kernel counts them, by direction: from_client, to_client.",
            labels=["direction"],
        )
        for direction, value in zip(("from_client", "to_client"), self._moved(), strict=True):
            family.add_metric([direction], value)
        yield family
