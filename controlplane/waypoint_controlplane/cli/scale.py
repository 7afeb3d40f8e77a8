"""waypointctl scale."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb

_MOST = 1000


@click.command("scale", cls=Verb, examples="waypointctl scale host1 50\nwaypointctl scale host1 default")
@host_argument
@click.argument("slots", metavar="SLOTS|default")
@click.pass_obj
def command(invocation: Invocation, host: str, slots: str) -> None:
    """Set how many browsers a host runs.

    `default` is what agent.slots says there. Browsers in use are not ended: slots that are too many go as they become
    free.
    """
    request = pb.ScaleRequest(name=host)
    if slots != "default":
        request.slots = _count(slots)
    with connect(invocation) as plane:
        changed = plane.hosts.scale(request)
    wanted = f"{request.slots} slots" if request.HasField("slots") else "as many slots as are configured there"
    one(invocation, changed, f"host {host} is to run {wanted}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > _MOST:
        raise click.UsageError(f"{text!r} is neither a number from 0 to {_MOST} nor `default`")
    return int(text)
