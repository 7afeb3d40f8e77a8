"""waypointctl get hosts."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.get.columns import HOSTS
from waypoint_controlplane.cli.labels import label_option
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import items
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl get hosts
    waypointctl get hosts --label zone=a -o wide
    waypointctl get hosts -o json | jq -r '.items[] | select(.state == "HOST_STATE_SUSPECT").name'
"""


@click.command("hosts", cls=Verb, examples=_EXAMPLES)
@host_option
@label_option
@click.pass_obj
def command(invocation: Invocation, host: str, labels: tuple[tuple[str, str], ...]) -> None:
    """List the hosts.

    READY browsers could be claimed now; CLAIMED ones are in use, or in a proxy's reserve; FAILED ones do not start.
    AGE is how long the host has been in its state.
    """
    with connect(invocation) as plane:
        hosts = plane.hosts.list(pb.ListHostsRequest(labels=dict(labels))).hosts
    items(invocation, [each for each in hosts if not host or each.name == host], HOSTS)
