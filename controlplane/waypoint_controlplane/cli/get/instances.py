"""waypointctl get instances."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.get.columns import INSTANCES
from waypoint_controlplane.cli.labels import label_option
from waypoint_controlplane.cli.names import host_option
from waypoint_controlplane.cli.output import items
from waypoint_controlplane.cli.verb import Invocation, Verb
from waypoint_core.model import InstanceType

_EXAMPLES = """
    waypointctl get instances --host host1
    waypointctl get instances --type vllm -o wide
    waypointctl get instances -o json | jq -r '.items[] | select(.state == "INSTANCE_STATE_FAILED").reason'
"""


@click.command("instances", cls=Verb, examples=_EXAMPLES)
@host_option
@click.option(
    "--type",
    "kind",
    metavar="TYPE",
    type=click.Choice([str(each) for each in InstanceType]),
    help="only of this type",
)
@label_option
@click.pass_obj
def command(invocation: Invocation, host: str, kind: str | None, labels: tuple[tuple[str, str], ...]) -> None:
    """List browsers, and what else registered itself.

    The types are chrome_browser, virtual_machine, warmpool_chrome_proxy, fake_instance, instance_manager, vllm,
    browser_backend and agent.
    """
    with connect(invocation) as plane:
        answer = plane.instances.list(pb.ListInstancesRequest(host=host, type=kind or ""))
    found = [each for each in answer.instances if dict(labels).items() <= dict(each.labels).items()]
    items(invocation, found, INSTANCES)
