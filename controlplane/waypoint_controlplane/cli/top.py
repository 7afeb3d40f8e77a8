"""waypointctl top."""

from __future__ import annotations

import sys
import time

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.ages import Span
from waypoint_controlplane.cli.connection import Plane, connect
from waypoint_controlplane.cli.labels import label_option
from waypoint_controlplane.cli.output import Column, items
from waypoint_controlplane.cli.verb import Invocation, Verb

_COLUMNS = (
    Column("NAME", lambda host: host.name),
    Column("STATE", cells.host_state),
    Column("LOAD", lambda host: f"{host.load1:.2f}"),
    Column("SLOTS", lambda host: str(host.slots)),
    Column("READY", lambda host: str(host.ready)),
    Column("CLAIMED", lambda host: str(host.claimed)),
    Column("FAILED", lambda host: str(host.failed), wide=True),
    Column("MEMORY", cells.memory),
    Column("PSI-CPU", lambda host: _pressure(host, "cpu")),
    Column("PSI-MEMORY", lambda host: _pressure(host, "memory")),
    Column("PSI-IO", lambda host: _pressure(host, "io")),
)
_CLEAR = "\x1b[H\x1b[2J\x1b[3J"


@click.command("top", cls=Verb, examples="waypointctl top\nwaypointctl top -w --every 5s")
@click.option("-w", "--watch", is_flag=True, help="again and again, until Ctrl-C")
@click.option("--every", type=Span(), default="2s", show_default=True, help="how often with -w")
@label_option
@click.pass_obj
def command(invocation: Invocation, watch: bool, every: float, labels: tuple[tuple[str, str], ...]) -> None:
    """Hosts by load.

    The most loaded comes first. MEMORY is used and total; PSI is the part of the last ten seconds in which some task
    waited for that resource.
    """
    request = pb.ListHostsRequest(labels=dict(labels))
    with connect(invocation) as plane:
        hosts = _by_load(plane, request)
        try:
            while watch:
                _show(invocation, hosts)
                time.sleep(every)
                hosts = _by_load(plane, request)
        except KeyboardInterrupt:
            return
    items(invocation, hosts, _COLUMNS)


def _by_load(plane: Plane, request: pb.ListHostsRequest) -> list[pb.Host]:
    hosts = plane.hosts.list(request).hosts
    return sorted(hosts, key=lambda host: (-host.load1, host.name))


def _show(invocation: Invocation, hosts: list[pb.Host]) -> None:
    if invocation.plain and sys.stdout.isatty():
        click.echo(f"{_CLEAR}{time.strftime('%H:%M:%S')}  Ctrl-C ends\n")
    items(invocation, hosts, _COLUMNS)


def _pressure(host: pb.Host, what: str) -> str:
    return f"{host.pressure[what]:.1f}%" if what in host.pressure else ""
