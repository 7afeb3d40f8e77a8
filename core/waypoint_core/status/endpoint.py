"""A daemon's endpoint for as long as the daemon runs: what the daemon is there for never suffers from its troubles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry

from waypoint_core.address import advertised
from waypoint_core.errors import ConfigError
from waypoint_core.settings import Settings
from waypoint_core.status.routes import Route
from waypoint_core.status.server import StatusServer
from waypoint_core.tls import server_context

log = logging.getLogger("waypoint.status")

_RETRY = 15.0


async def serve(
    settings: Settings,
    listen: str,
    metrics: CollectorRegistry,
    advertise: Callable[[str], None],
    *,
    public: Mapping[str, Route] | None = None,
    private: Mapping[str, Route] | None = None,
) -> None:
    """Serve for ever. What makes that impossible, like an expired certificate, is logged and tried again.

    advertise is told where others reach the endpoint, and "" when they cannot.
    """
    while True:
        try:
            server = StatusServer(metrics, public=public or {}, private=private or {}, tls=server_context(settings.tls))
            # To look an address up may take as long as a broken resolver takes.
            advertise(await asyncio.to_thread(advertised, listen, settings))
            await server.serve(listen)
        except ConfigError as error:
            log.error("%s; the daemon goes on without its status endpoint", error)  # noqa: TRY400 - it says it all
        advertise("")
        await asyncio.sleep(_RETRY)
