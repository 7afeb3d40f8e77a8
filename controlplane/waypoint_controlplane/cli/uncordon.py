"""waypointctl uncordon."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb


@click.command("uncordon", cls=Verb, examples="waypointctl uncordon host1")
@host_argument
@click.pass_obj
def command(invocation: Invocation, host: str) -> None:
    """Take back a cordon or a drain.

    The host takes sessions again; what a drain has ended already stays ended.
    """
    with connect(invocation) as plane:
        changed = plane.hosts.uncordon(pb.UncordonRequest(name=host, by=invocation.by))
    one(invocation, changed, f"host {host} takes sessions again")
