"""waypointctl unfreeze."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb


@click.command("unfreeze", cls=Verb, examples="waypointctl unfreeze")
@click.pass_obj
def command(invocation: Invocation) -> None:
    """Let remediation go on.

    Also where the loss of many hosts at once had frozen it: then what is lost is declared gone, one host at a time.
    """
    with connect(invocation) as plane:
        status = plane.fleet.unfreeze(pb.UnfreezeRequest(by=invocation.by))
    one(invocation, status, "remediation goes on")
