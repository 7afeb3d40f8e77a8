"""The agent's status endpoint: its metrics and the host's journal. Browsers never suffer from its troubles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from waypoint_agent.journal import Journal
from waypoint_core.address import advertised
from waypoint_core.errors import ConfigError
from waypoint_core.settings import Settings
from waypoint_core.status.reports import JOURNAL
from waypoint_core.status.server import StatusServer
from waypoint_core.tls import server_context

log = logging.getLogger("waypoint.agent.endpoint")

_RETRY = 15.0


async def serve(settings: Settings, metrics: CollectorRegistry, advertise: Callable[[str], None]) -> None:
    """Serve for ever. What makes that impossible, like an expired certificate, is logged and tried again.

    advertise is told where others reach the endpoint, and "" when they cannot.
    """
    while True:
        try:
            await _serve_once(settings, metrics, advertise)
        except ConfigError as error:
            log.error("%s; browsers go on without the status endpoint", error)  # noqa: TRY400 - it says it all
        advertise("")
        await asyncio.sleep(_RETRY)


async def _serve_once(settings: Settings, metrics: CollectorRegistry, advertise: Callable[[str], None]) -> None:
    listen = settings.agent.status_listen
    server = StatusServer(metrics, private={JOURNAL: Journal().route}, tls=server_context(settings.tls))
    # To look an address up may take as long as a broken resolver takes.
    advertise(await asyncio.to_thread(advertised, listen, settings))
    await server.serve(listen)
