"""waypointctl describe: one noun a module; `conditions` says what is remarkable about a host."""

from __future__ import annotations

import click

from waypoint_controlplane.cli.lazy import LazyGroup

_SECTIONS = {
    "Commands": {
        "host": "Everything about a host",
        "instance": "Everything about an instance",
    }
}


@click.group("describe", cls=LazyGroup, package="waypoint_controlplane.cli.describe", sections=_SECTIONS)
def command() -> None:
    """Everything about one host or instance."""
