"""The agent's status endpoint: its metrics and the host's journal."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry

from waypoint_agent.journal import Journal
from waypoint_core.settings import Settings
from waypoint_core.status import endpoint
from waypoint_core.status.reports import JOURNAL


async def serve(settings: Settings, metrics: CollectorRegistry, advertise: Callable[[str], None]) -> None:
    """Serve for ever; advertise is told where others reach it, and "" when they cannot."""
    await endpoint.serve(settings, settings.agent.status_listen, metrics, advertise, private={JOURNAL: Journal().route})
