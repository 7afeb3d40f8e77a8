"""waypointctl connect."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import ages, cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.failures import Exit, Failure
from waypoint_controlplane.cli.labels import label_option
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl connect --label zone=a
    URL=$(waypointctl connect) && my-script --cdp "$URL"
    waypointctl connect --tzafonwright
"""


@click.command("connect", cls=Verb, examples=_EXAMPLES)
@host_option
@label_option
@click.option("--tzafonwright", is_flag=True, help="Print the URL for clients of tzafonwright instead.")
@click.pass_obj
def command(invocation: Invocation, host: str, labels: tuple[tuple[str, str], ...], tzafonwright: bool) -> None:
    """Open a session and print its URL.

    Any client of the Chrome DevTools Protocol connects to it, Playwright and Puppeteer among them. Who knows the URL
    has the browser; if nobody connects in time it is given back. The same session has a URL for tzafonwright, and
    clients of both may be in it at once.
    """
    with connect(invocation) as plane:
        session = plane.sessions.open(pb.OpenSessionRequest(host=host, labels=dict(labels), by=invocation.by))
    if tzafonwright and not session.tzafonwright_url:
        raise Failure(
            f"cannot serve {session.instance} to tzafonwright: its host has no such edge; "
            "start waypoint-proxy-tzafonwright.socket there",
            Exit.REFUSED,
        )
    one(invocation, session, session.tzafonwright_url if tzafonwright else session.url)
    if invocation.plain and session.HasField("open_timeout"):
        patience = ages.span(cells.seconds(session, "open_timeout"))
        click.echo(f"instance {session.instance}; given back if nobody connects within {patience}", err=True)
