"""waypointctl cordon."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb


@click.command("cordon", cls=Verb, examples='waypointctl cordon host1 --reason "flickering disk"')
@host_argument
@click.option("--reason", default="", help="shown wherever the host is")
@click.pass_obj
def command(invocation: Invocation, host: str, reason: str) -> None:
    """Give no new session to a host.

    Running sessions go on. `waypointctl uncordon` takes it back, `waypointctl drain` empties the host as well.
    """
    with connect(invocation) as plane:
        changed = plane.hosts.cordon(pb.CordonRequest(name=host, reason=reason, by=invocation.by))
    one(invocation, changed, f"host {host} is cordoned")
