"""Where Prometheus finds every status endpoint of the fleet: the document of its http_sd_config."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from waypoint_controlplane.fleet import Fleet
from waypoint_core.status.routes import Request, Response

DISCOVERY = "/sd"


def targets(fleet: Fleet, *, tls: bool) -> list[dict[str, Any]]:
    """One group a daemon, with labels component and host. Source: Prometheus's documentation of http_sd_config."""
    schemes = {"tzafonwright": "http"}  # it has no part in the fleet's certificates
    return [
        {
            "targets": [address],
            "labels": {
                "component": component,
                "host": host,
                "__scheme__": schemes.get(component, "https" if tls else "http"),
            },
        }
        for component, host, address in _daemons(fleet)
        if address
    ]


def route(fleet: Fleet, *, tls: bool) -> Any:
    """Serves it at the control plane's own status endpoint."""

    async def serve(request: Request) -> Response:
        return Response(msgspec.json.encode(targets(fleet, tls=tls)))

    return serve


def _daemons(fleet: Fleet) -> Iterator[tuple[str, str, str]]:
    for host, alive in sorted(fleet.alive.items()):
        yield "agent", host, alive.record.status
    for name, proxy in sorted(fleet.proxies.items()):
        yield "proxy", proxy.record.host or name, proxy.record.status
        yield "tzafonwright", proxy.record.host or name, proxy.record.tzafonwright_status
    for name, member in sorted(fleet.members.items()):
        yield "controlplane", name, member.record.status
