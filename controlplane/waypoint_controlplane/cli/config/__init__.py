"""waypointctl config: one verb a module; `sources` tells where each setting comes from. Asks no control plane."""

from __future__ import annotations

import click

from waypoint_controlplane.cli.lazy import LazyGroup

_SECTIONS = {
    "Commands": {
        "show": "The effective settings, and where each comes from",
        "check": "Whether a settings file is right",
    }
}


@click.group("config", cls=LazyGroup, package="waypoint_controlplane.cli.config", sections=_SECTIONS)
def command() -> None:
    """Show or check settings."""
