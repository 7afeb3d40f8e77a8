"""waypointctl status."""

from __future__ import annotations

import time

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.failures import Exit, Failure
from waypoint_controlplane.cli.output import Column, one, pairs, table
from waypoint_controlplane.cli.verb import Invocation, Verb

_MEMBERS = (
    Column("CONTROL-PLANE", lambda member: member.name),
    Column("ADDRESS", lambda member: member.address),
    Column("STATUS-ENDPOINT", lambda member: member.status_address),
)
_PROXIES = (
    Column("PROXY", lambda proxy: proxy.name),
    Column("HOST", lambda proxy: proxy.host),
    Column("ADDRESS", lambda proxy: proxy.address),
    Column("STATUS-ENDPOINT", lambda proxy: proxy.status_address),
)
_PAUSE = 0.25


@click.command("status", cls=Verb, examples="waypointctl status\nwaypointctl status -o json | jq -r .leader")
@click.option(
    "--wait-leader", is_flag=True, help="wait until a control plane answers and one leads, as long as --timeout"
)
@click.pass_obj
def command(invocation: Invocation, wait_leader: bool) -> None:
    """Who leads, who serves, and whether remediation is frozen.

    Staleness is how old what this control plane knows may be.
    """
    status = _led(invocation) if wait_leader else _ask(invocation)
    parts = [
        pairs(_fields(status)),
        table(status.members, _MEMBERS) if status.members else "",
        table(status.proxies, _PROXIES) if status.proxies else "",
    ]
    one(invocation, status, "\n\n".join(part for part in parts if part))


def _ask(invocation: Invocation) -> pb.Status:
    with connect(invocation) as plane:
        status: pb.Status = plane.fleet.get_status(pb.GetStatusRequest())
    return status


def _led(invocation: Invocation) -> pb.Status:
    """The status once somebody leads. Failure when time is up: NO_ANSWER, or DEADLINE if only a leader is missing."""
    patience = invocation.timeout
    deadline = time.monotonic() + patience
    while True:
        invocation.timeout = max(_PAUSE, deadline - time.monotonic())
        late = time.monotonic() >= deadline - _PAUSE
        try:
            status = _ask(invocation)
        except Failure as failure:
            if late or failure.exit_code not in {Exit.NO_ANSWER, Exit.DEADLINE}:
                raise
        else:
            if status.leader:
                return status
            if late:
                raise Failure(f"cannot see a leader within {patience:g}s: see the control planes' logs", Exit.DEADLINE)
        time.sleep(_PAUSE)


def _fields(status: pb.Status) -> dict[str, str]:
    why = f" by {status.frozen_by}: {status.freeze_reason}" if status.frozen else ""
    return {
        "Leader": status.leader or "nobody: what is wanted of hosts is kept, but nothing is decided",
        "Answered by": f"{status.server}, version {status.version}" if status.version else status.server,
        "Staleness": f"{cells.seconds(status, 'staleness'):.1f}s" if status.HasField("staleness") else "",
        "Remediation": f"frozen{why}" if status.frozen else "on",
    }
