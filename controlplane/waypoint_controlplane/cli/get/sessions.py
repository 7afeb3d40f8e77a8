"""waypointctl get sessions."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.get.columns import ENDED, SESSIONS
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import items
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl get sessions
    waypointctl get sessions --host host1 --ended
"""


@click.command("sessions", cls=Verb, examples=_EXAMPLES)
@host_option
@click.option("--ended", is_flag=True, help="also those that ended lately, and why")
@click.pass_obj
def command(invocation: Invocation, host: str, ended: bool) -> None:
    """List the sessions.

    Who uses which browser. Proxies know it; one that cannot be asked is named on standard error, and in JSON and
    YAML under `missing`.
    """
    with connect(invocation) as plane:
        answer = plane.sessions.list(pb.ListSessionsRequest(host=host, ended=ended))
    items(invocation, answer.sessions, SESSIONS + (ENDED if ended else ()), missing=list(answer.missing))
    for proxy in answer.missing:
        click.echo(f"waypointctl: sessions are missing from this list: {proxy}", err=True)
