"""waypointctl describe instance."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.describe.sections import headed
from waypoint_controlplane.cli.get.columns import ENDED, EVENTS, SESSIONS
from waypoint_controlplane.cli.names import instances
from waypoint_controlplane.cli.output import document, pairs, plain, table
from waypoint_controlplane.cli.verb import Invocation, Verb

_PAST = 1000


@click.command("instance", cls=Verb, examples="waypointctl describe instance host1_0_c1a9…")
@click.argument("instance", shell_complete=instances)
@click.pass_obj
def command(invocation: Invocation, instance: str) -> None:
    """Everything about an instance.

    Its state and why, who has claimed it, its bonds, its session and what happened to it lately.
    """
    with connect(invocation) as plane:
        found = plane.instances.get(pb.GetInstanceRequest(id=instance))
        answer = plane.sessions.list(pb.ListSessionsRequest(host=found.host, ended=True)) if found.host else None
        past = plane.fleet.watch_events(pb.WatchEventsRequest(past=_PAST, host=found.host))
        events = [event for event in past if event.name == instance]
    sessions = [each for each in answer.sessions if each.instance == instance] if answer else []
    if not invocation.plain:
        return document(
            invocation,
            {
                "instance": plain(found),
                "sessions": [plain(each) for each in sessions],
                "missing": list(answer.missing) if answer else [],
                "events": [plain(each) for each in events],
            },
        )
    click.echo(pairs(_fields(found)))
    click.echo(headed("Session", table(sessions, SESSIONS + ENDED) if sessions else ""))
    for proxy in answer.missing if answer else ():
        click.echo(f"  missing: {proxy}")
    click.echo(headed("Events", table(events, EVENTS) if events else ""))
    return None


def _fields(instance: pb.Instance) -> dict[str, str]:
    return {
        "Id": instance.id,
        "Type": instance.type,
        "State": cells.instance_state(instance),
        "Reason": instance.reason,
        "Since": f"{cells.moment(instance, 'since')} ({cells.age(instance)})" if instance.HasField("since") else "",
        "Host": instance.host or "none: it registered itself",
        "Slot": f"{instance.slot}, generation {instance.generation}" if instance.HasField("slot") else "",
        "Claimed by": f"{instance.proxy} ({instance.claim_kind})" if instance.proxy else "",
        "Parent": instance.parent,
        "Children": ", ".join(instance.children),
        "Endpoints": cells.mapping(instance.endpoints),
        "Labels": cells.mapping(instance.labels),
    }
