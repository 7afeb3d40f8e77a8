"""waypointctl get bindings."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.get.columns import BINDINGS
from waypoint_controlplane.cli.output import items
from waypoint_controlplane.cli.verb import Invocation, Verb


@click.command("bindings", cls=Verb, examples="waypointctl get bindings")
@click.pass_obj
def command(invocation: Invocation) -> None:
    """List which instance dies with which."""
    with connect(invocation) as plane:
        answer = plane.instances.list_bindings(pb.ListBindingsRequest())
    items(invocation, answer.bindings, BINDINGS)
