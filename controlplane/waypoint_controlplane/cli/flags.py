"""waypointctl flags."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl flags host1 --set --mute-audio --set --lang=de
    waypointctl flags host1 --clear
    waypointctl flags host1
"""


@click.command("flags", cls=Verb, examples=_EXAMPLES)
@host_argument
@click.option(
    "--set", "flags", multiple=True, metavar="FLAG", help="a flag of Chromium; several replace all set before"
)
@click.option("--clear", is_flag=True, help="add none on this host")
@click.pass_obj
def command(invocation: Invocation, host: str, flags: tuple[str, ...], clear: bool) -> None:
    """Set the Chromium flags that are added on a host.

    They come after WayPoint's own and those of agent.browser_flags. Idle browsers are replaced, those in use keep
    theirs. Without options, shows them.
    """
    if flags and clear:
        raise click.UsageError("--set and --clear contradict each other")
    with connect(invocation) as plane:
        if flags or clear:
            wanted = pb.BrowserFlags(flags=flags)
            found = plane.hosts.configure(pb.ConfigureRequest(name=host, browser_flags=wanted))
        else:
            found = plane.hosts.get(pb.GetHostRequest(name=host))
    shown = " ".join(found.browser_flags)
    one(invocation, found, f"host {host} adds {shown}" if shown else f"host {host} adds no flags")
