"""waypointctl connect."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import ages, cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.labels import label_option
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl connect --label zone=a
    URL=$(waypointctl connect) && my-script --cdp "$URL"
"""


@click.command("connect", cls=Verb, examples=_EXAMPLES)
@host_option
@label_option
@click.pass_obj
def command(invocation: Invocation, host: str, labels: tuple[tuple[str, str], ...]) -> None:
    """Open a session and print its URL.

    Any client of the Chrome DevTools Protocol connects to it, Playwright and Puppeteer among them. Who knows the URL
    has the browser; if nobody connects in time it is given back.
    """
    with connect(invocation) as plane:
        session = plane.sessions.open(pb.OpenSessionRequest(host=host, labels=dict(labels), by=invocation.by))
    one(invocation, session, session.url)
    if invocation.plain and session.HasField("open_timeout"):
        patience = ages.span(cells.seconds(session, "open_timeout"))
        click.echo(f"instance {session.instance}; given back if nobody connects within {patience}", err=True)
