"""What the server counts and times. The composition root makes the registry; nothing is global."""

from __future__ import annotations

import asyncio
from importlib import metadata

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from tzafonwright.server.refused import End, SessionOver

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


def fresh() -> CollectorRegistry:
    """A registry that knows the process, its garbage collection, and which program and version it is."""
    # Else a gauge beside each counter and histogram, which nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    build = Info("waypoint_build", "Which program this is, and its version.", registry=registry)
    build.info({"component": "tzafonwright", "version": _version()})
    return registry


def _version() -> str:
    try:
        return metadata.version("tzafonwright")
    except metadata.PackageNotFoundError:
        return "unreleased"  # run from its sources


class Metrics:
    """Sessions, the actions in them, and the driver under them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sessions = Gauge(
            "waypoint_tzafonwright_live_sessions", "Clients that are connected, each with a browser.", registry=registry
        )
        self._ends = Counter(
            "waypoint_tzafonwright_sessions",
            "Sessions that ended, by why; client_left is the regular one.",
            ["end"],
            registry=registry,
        )
        self._actions = Counter(
            "waypoint_tzafonwright_actions",
            "Actions that were done, by the code that clients are told: ok, or why not; session_over where the "
            "session ended under them. Those that never had their turn are not counted.",
            ["action", "result"],
            registry=registry,
        )
        self._seconds = Histogram(
            "waypoint_tzafonwright_action_seconds",
            "How long actions took from their turn on, whatever came of them.",
            ["action"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._starts = Counter(
            "waypoint_tzafonwright_driver_starts",
            "Browser drivers that were started: more than one means that one ended, and its sessions with it.",
            registry=registry,
        )
        for end in End:
            self._ends.labels(end.value)

    def session(self, ended: asyncio.Future[SessionOver | None]) -> None:
        """One begins, and goes on until this is known."""
        self._sessions.inc()
        ended.add_done_callback(self._ended)

    def action(self, name: str, result: str, seconds: float) -> None:
        """One was done, for better or worse."""
        self._actions.labels(name, result).inc()
        self._seconds.labels(name).observe(seconds)

    def driver_started(self) -> None:
        """A driver runs."""
        self._starts.inc()

    def _ended(self, ended: asyncio.Future[SessionOver | None]) -> None:
        self._sessions.dec()
        if ended.cancelled():
            end = End.INTERNAL_ERROR
        else:
            over = ended.result()
            end = over.end if over else End.CLIENT_LEFT
        self._ends.labels(end.value).inc()
