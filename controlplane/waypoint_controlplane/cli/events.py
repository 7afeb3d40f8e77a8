"""waypointctl events."""

from __future__ import annotations

from collections.abc import Iterable

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.get.columns import EVENTS
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import Rolling, document, items, plain
from waypoint_controlplane.cli.verb import Invocation, Verb

_WIDTHS = (19, 9, 8, 12, 8, 0)


@click.command("events", cls=Verb, examples="waypointctl events --host host1\nwaypointctl events -w --past 0 -o json")
@click.option("-w", "--watch", is_flag=True, help="go on with what happens, until Ctrl-C")
@click.option(
    "--past", type=click.IntRange(min=0), default=50, show_default=True, metavar="N", help="so many of the past"
)
@host_option
@click.pass_obj
def command(invocation: Invocation, watch: bool, past: int, host: str) -> None:
    """What happened, and what happens.

    Every server remembers the latest events on its own; WHAT is one word that programs can go by.
    """
    with connect(invocation) as plane:
        events = plane.fleet.watch_events(pb.WatchEventsRequest(follow=watch, past=past, host=host))
        if not watch:
            items(invocation, list(events), EVENTS)
            return
        try:
            _follow(invocation, events)
        except KeyboardInterrupt:
            return


def _follow(invocation: Invocation, events: Iterable[pb.Event]) -> None:
    rolling = Rolling(EVENTS, _WIDTHS)
    if invocation.plain:
        click.echo(rolling.heading())
    for event in events:
        if invocation.plain:
            click.echo(rolling.line(event))
        else:
            document(invocation, plain(event), stream=True)
