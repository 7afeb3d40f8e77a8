"""waypointctl kill."""

from __future__ import annotations

import sys

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.names import instances
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb


@click.command("kill", cls=Verb, examples='waypointctl kill host1_0_c1a9… --reason "runs away" --yes')
@click.argument("instance", shell_complete=instances)
@click.option("--reason", required=True, help="its client reads it")
@click.option("-y", "--yes", is_flag=True, help="do not ask; nothing is asked without a terminal")
@click.pass_obj
def command(invocation: Invocation, instance: str, reason: str, yes: bool) -> None:
    """End an instance, its session and its children.

    A browser's slot starts the next one at once.
    """
    with connect(invocation) as plane:
        if not yes and sys.stdin.isatty():
            _confirm(plane.instances.get(pb.GetInstanceRequest(id=instance)))
        answer = plane.instances.kill(pb.KillRequest(id=instance, reason=reason, by=invocation.by))
    one(invocation, answer, f"instance {instance} is being ended")


def _confirm(instance: pb.Instance) -> None:
    held = f", in use through {instance.proxy}" if instance.proxy else ""
    children = f", with {len(instance.children)} children" if instance.children else ""
    click.confirm(f"End {instance.type} {instance.id}{held}{children}?", abort=True, err=True)
