"""What the tables of hosts, instances, sessions, bindings and events show."""

from __future__ import annotations

from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.ages import size
from waypoint_controlplane.cli.output import Column

HOSTS = (
    Column("NAME", lambda host: host.name),
    Column("STATE", cells.host_state),
    Column("AGE", cells.age),
    Column("SLOTS", lambda host: str(host.slots)),
    Column("READY", lambda host: str(host.ready)),
    Column("CLAIMED", lambda host: str(host.claimed)),
    Column("FAILED", lambda host: str(host.failed)),
    Column("LOAD", lambda host: f"{host.load1:.2f}", wide=True),
    Column("MEMORY", cells.memory, wide=True),
    Column("PRESSURE", lambda host: cells.mapping(host.pressure), wide=True),
    Column("LABELS", lambda host: cells.mapping(host.labels), wide=True),
    Column("FLAGS", lambda host: " ".join(host.browser_flags), wide=True),
    Column("VERSIONS", lambda host: cells.mapping(host.versions), wide=True),
    Column("STATUS-ENDPOINT", lambda host: host.status_address, wide=True),
    Column("REASON", lambda host: host.reason),
)
INSTANCES = (
    Column("ID", lambda instance: instance.id),
    Column("TYPE", lambda instance: instance.type),
    Column("STATE", cells.instance_state),
    Column("AGE", cells.age),
    Column("HOST", lambda instance: instance.host),
    Column("SLOT", lambda instance: str(instance.slot) if instance.HasField("slot") else ""),
    Column("GENERATION", lambda instance: str(instance.generation), wide=True),
    Column("CLAIMED-BY", lambda instance: instance.proxy),
    Column("KIND", lambda instance: instance.claim_kind, wide=True),
    Column("PARENT", lambda instance: instance.parent, wide=True),
    Column("CHILDREN", lambda instance: ",".join(instance.children), wide=True),
    Column("ENDPOINTS", lambda instance: cells.mapping(instance.endpoints), wide=True),
    Column("LABELS", lambda instance: cells.mapping(instance.labels), wide=True),
    Column("REASON", lambda instance: instance.reason),
)
SESSIONS = (
    Column("INSTANCE", lambda session: session.instance),
    Column("HOST", lambda session: session.host),
    Column("KIND", lambda session: session.kind),
    Column("CLIENT", lambda session: session.client),
    Column("AGE", cells.age),
    Column("FROM-CLIENT", lambda session: size(session.bytes_from_client)),
    Column("TO-CLIENT", lambda session: size(session.bytes_to_client)),
    Column("PROXY", lambda session: session.proxy, wide=True),
    Column("CONNECTIONS", lambda session: str(session.connections), wide=True),
)
ENDED = (
    Column("ENDED", lambda session: cells.age(session, "ended")),
    Column("REASON", lambda session: session.end_reason),
)
BINDINGS = (
    Column("PARENT", lambda binding: binding.parent),
    Column("CHILD", lambda binding: binding.child),
    Column("AGE", cells.age),
)
EVENTS = (
    Column("AT", cells.moment),
    Column("WHAT", lambda event: event.what),
    Column("NOUN", lambda event: event.noun),
    Column("NAME", lambda event: event.name),
    Column("BY", lambda event: event.by),
    Column("REASON", lambda event: event.reason),
)
