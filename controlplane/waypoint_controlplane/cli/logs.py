"""waypointctl logs."""

from __future__ import annotations

from contextlib import suppress

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import colourful, document, plain
from waypoint_controlplane.cli.verb import Invocation, Verb

_ERROR, _WARNING = 3, 4
_EXAMPLES = """
    waypointctl logs host1
    waypointctl logs -f -n 100 host1 proxy
    waypointctl logs host1 browser@3
"""


@click.command("logs", cls=Verb, examples=_EXAMPLES)
@click.option("-f", "--follow", is_flag=True, help="go on with new lines, until Ctrl-C")
@click.option(
    "-n", "--lines", type=click.IntRange(min=0), default=20, show_default=True, metavar="N", help="so many of the past"
)
@host_argument
@click.argument("unit", default="agent")
@click.pass_obj
def command(invocation: Invocation, follow: bool, lines: int, host: str, unit: str) -> None:
    """The journal of a unit, from its host.

    UNIT is agent, proxy, browser@SLOT or the full name of one of WayPoint's units; the agent's if none is named.
    """
    request = pb.ReadJournalRequest(host=host, unit=unit, lines=lines, follow=follow)
    with connect(invocation) as plane, suppress(KeyboardInterrupt):
        for line in plane.fleet.read_journal(request):
            if invocation.plain:
                click.echo(_shown(line))
            else:
                document(invocation, plain(line), stream=True)


def _shown(line: pb.JournalLine) -> str:
    text = f"{cells.moment(line)} {line.unit}: {line.message}"
    if line.priority <= _WARNING and colourful():
        return click.style(text, fg="red" if line.priority <= _ERROR else "yellow")
    return text
