"""waypointctl get: one noun a module; `columns` says what the table of each shows."""

from __future__ import annotations

import click

from waypoint_controlplane.cli.lazy import LazyGroup

_SECTIONS = {
    "Commands": {
        "hosts": "List the hosts",
        "instances": "List browsers, and what else registered itself",
        "sessions": "List the sessions",
        "bindings": "List which instance dies with which",
    }
}


@click.group("get", cls=LazyGroup, package="waypoint_controlplane.cli.get", sections=_SECTIONS)
def command() -> None:
    """List hosts, instances, sessions or bindings."""
