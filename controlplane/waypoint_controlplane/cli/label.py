"""waypointctl label."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.labels import changes
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import one
from waypoint_controlplane.cli.verb import Invocation, Verb

_EXAMPLES = """
    waypointctl label host1 zone=a disk=fast
    waypointctl label host1 disk-
    waypointctl label host1
"""


@click.command("label", cls=Verb, examples=_EXAMPLES)
@host_argument
@click.argument("labels", nargs=-1, metavar="[KEY=VALUE | KEY-]...")
@click.pass_obj
def command(invocation: Invocation, host: str, labels: tuple[str, ...]) -> None:
    """Set and remove a host's labels.

    KEY- removes a label that was set this way. Without labels, shows those of the host.
    """
    setting, removing = changes(labels)
    with connect(invocation) as plane:
        if labels:
            request = pb.ConfigureRequest(name=host, set_labels=setting, remove_labels=removing)
            found = plane.hosts.configure(request)
        else:
            found = plane.hosts.get(pb.GetHostRequest(name=host))
    one(
        invocation,
        found,
        f"host {host} has labels {cells.mapping(found.labels)}" if found.labels else f"host {host} has no labels",
    )
