"""waypointctl drain."""

from __future__ import annotations

import time
from collections.abc import Iterator

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli.ages import Span
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.failures import Exit, Failure
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.progress import Report
from waypoint_controlplane.cli.verb import Invocation, Verb

_RECONNECTS = 10
_PAUSE = 1.0
_EXAMPLES = """
    waypointctl drain host1 --deadline 10m --reason "new kernel"
    waypointctl drain host1
    waypointctl drain host1 --deadline 1h --no-wait
"""


@click.command("drain", cls=Verb, examples=_EXAMPLES)
@host_argument
@click.option(
    "--deadline", type=Span(), metavar="SPAN", help="end the sessions that are left then; without: none is ended"
)
@click.option("--reason", default="", help="shown wherever the host is")
@click.option("--no-wait", is_flag=True, help="start it and return")
@click.pass_obj
def command(invocation: Invocation, host: str, deadline: float | None, reason: str, no_wait: bool) -> None:
    """Empty a host: no new session, and an end to the running ones.

    No session is cut before the deadline; those that are left then end with the reason. The fleet carries the drain
    out, not this command: Ctrl-C only stops watching, and the same command without --deadline watches again.
    """
    request = pb.DrainRequest(name=host, reason=reason, by=invocation.by)
    if deadline is not None:
        request.deadline.FromMilliseconds(round(deadline * 1000))
    report = Report(invocation, host)
    try:
        for progress in _watch(invocation, request, report):
            report.show(progress)
            if progress.drained:
                return report.done()
            if no_wait:
                return report.left_alone()
    except KeyboardInterrupt:
        report.interrupted()
        raise SystemExit(Exit.INTERRUPTED) from None
    finally:
        report.end()
    raise Failure(
        f"cannot finish the drain of {host}: it was taken back, see `waypointctl events --host {host}`", Exit.REFUSED
    )


def _watch(invocation: Invocation, request: pb.DrainRequest, report: Report) -> Iterator[pb.DrainProgress]:
    """The drain's progress, also from the next server when one goes away; the deadline is set only once."""
    for attempt in range(_RECONNECTS):
        try:
            with connect(invocation) as plane:
                for progress in plane.hosts.drain(request):
                    request.ClearField("deadline")
                    yield progress
                return
        except Failure as failure:
            begun = not request.HasField("deadline") and report.begun
            if failure.exit_code != Exit.NO_ANSWER or not begun or attempt == _RECONNECTS - 1:
                raise
            report.lost(failure)
            time.sleep(_PAUSE)
