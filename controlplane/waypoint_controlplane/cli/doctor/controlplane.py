"""A control plane answers, one leads, and what it knows is current."""

from __future__ import annotations

from collections.abc import Iterator

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.failures import Failure
from waypoint_controlplane.cli.verb import Invocation

_STALE = 15.0


def check(invocation: Invocation) -> Iterator[Finding]:
    """The first of ctl.servers that answers."""
    try:
        with connect(invocation) as plane:
            status = plane.fleet.get_status(pb.GetStatusRequest())
    except Failure as failure:
        yield fail(failure.message, "start waypoint-controlplane.service, or correct ctl.servers and the certificates")
        return
    yield from judge(status)


def judge(status: pb.Status) -> Iterator[Finding]:
    """Pure."""
    if status.leader:
        yield ok(f"{status.server} answers, {status.leader} leads, {len(status.members)} control planes run")
    else:
        yield fail(
            f"{status.server} answers, but nobody leads", "journalctl -u waypoint-controlplane; etcd must answer"
        )
    stale = cells.seconds(status, "staleness")
    if stale > _STALE:
        yield warn(f"what {status.server} knows may be {stale:.0f} s old", "see whether it reaches etcd")
    if status.frozen:
        yield warn(f"remediation is frozen by {status.frozen_by}: {status.freeze_reason}", "waypointctl unfreeze")
    if not status.proxies:
        yield warn(
            "no proxy is registered: nobody can use a browser", "systemctl start waypoint-proxy.socket on the hosts"
        )
