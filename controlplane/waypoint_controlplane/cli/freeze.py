"""waypointctl freeze."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb


@click.command("freeze", cls=Verb, examples='waypointctl freeze --reason "moving the racks"')
@click.option("--reason", required=True, help="shown by `waypointctl status`")
@click.pass_obj
def command(invocation: Invocation, reason: str) -> None:
    """Stop remediation.

    Nothing is declared gone and nobody's children are killed for it, until `waypointctl unfreeze`. Sessions, drains
    and kills by hand go on.
    """
    with connect(invocation) as plane:
        status = plane.fleet.freeze(pb.FreezeRequest(reason=reason, by=invocation.by))
    one(invocation, status, "remediation is frozen")
