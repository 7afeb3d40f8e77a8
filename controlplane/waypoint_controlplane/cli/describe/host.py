"""waypointctl describe host."""

from __future__ import annotations

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.connection import connect
from waypoint_controlplane.cli.describe.conditions import conditions
from waypoint_controlplane.cli.describe.sections import headed
from waypoint_controlplane.cli.get.columns import ENDED, EVENTS, INSTANCES, SESSIONS
from waypoint_controlplane.cli.names import host_argument
from waypoint_controlplane.cli.output import Column, document, pairs, plain, table
from waypoint_controlplane.cli.verb import Invocation, Verb

_CONDITIONS = (
    Column("CONDITION", lambda condition: condition.name),
    Column("HOLDS", lambda condition: "yes" if condition.holds else "no"),
    Column("WHY", lambda condition: condition.why),
)


@click.command("host", cls=Verb, examples="waypointctl describe host host1\nwaypointctl describe host host1 -o yaml")
@host_argument
@click.option("--past", default=20, show_default=True, metavar="N", help="so many of its latest events")
@click.pass_obj
def command(invocation: Invocation, host: str, past: int) -> None:
    """Everything about a host.

    Its state and why, what is remarkable about it, its instances, its sessions and what happened to it lately.
    """
    with connect(invocation) as plane:
        found = plane.hosts.get(pb.GetHostRequest(name=host))
        instances = plane.instances.list(pb.ListInstancesRequest(host=host)).instances
        sessions = plane.sessions.list(pb.ListSessionsRequest(host=host, ended=True))
        events = list(plane.fleet.watch_events(pb.WatchEventsRequest(past=past, host=host)))
    if not invocation.plain:
        return document(
            invocation,
            {
                "host": plain(found),
                "conditions": [{"name": each.name, "holds": each.holds, "why": each.why} for each in conditions(found)],
                "instances": [plain(each) for each in instances],
                "sessions": [plain(each) for each in sessions.sessions],
                "missing": list(sessions.missing),
                "events": [plain(each) for each in events],
            },
        )
    click.echo(pairs(_fields(found)))
    click.echo(headed("Conditions", table(list(conditions(found)), _CONDITIONS)))
    click.echo(headed("Instances", table(instances, INSTANCES[2:] + INSTANCES[:1]) if instances else ""))
    click.echo(headed("Sessions", table(sessions.sessions, SESSIONS + ENDED) if sessions.sessions else ""))
    for proxy in sessions.missing:
        click.echo(f"  missing: {proxy}")
    click.echo(headed("Events", table(events, EVENTS) if events else ""))
    return None


def _fields(host: pb.Host) -> dict[str, str]:
    return {
        "Name": host.name,
        "State": cells.host_state(host),
        "Reason": host.reason,
        "Since": f"{cells.moment(host, 'since')} ({cells.age(host)})" if host.HasField("since") else "",
        "Deadline": cells.moment(host, "drain_deadline"),
        "Slots": f"{host.slots}: {host.ready} ready, {host.claimed} claimed, {host.failed} failed",
        "Scaled to": str(host.wanted_slots) if host.HasField("wanted_slots") else "",
        "Labels": cells.mapping(host.labels),
        "Browser flags": " ".join(host.browser_flags),
        "Load": f"{host.load1:.2f}",
        "Memory": cells.memory(host),
        "Pressure": cells.mapping(host.pressure),
        "Versions": cells.mapping(host.versions),
        "Status endpoint": host.status_address,
        "Boot": host.boot_id,
    }
