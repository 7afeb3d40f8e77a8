"""Rows of the fleet as messages of waypoint.v1. Pure."""

from __future__ import annotations

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.events import Event
from waypoint_controlplane.fleet import Fleet
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import HostState, InstanceState
from waypoint_core.status.reports import JournalReport, SessionReport

_HOST_STATES: dict[HostState, Any] = {state: pb.HostState.Value(f"HOST_STATE_{state.name}") for state in HostState}
_INSTANCE_STATES: dict[InstanceState, Any] = {
    state: pb.InstanceState.Value(f"INSTANCE_STATE_{state.name}") for state in InstanceState
}


def moment(at: float | None) -> Timestamp | None:
    """A time since the epoch; None for 0 or None, which say that it is unknown."""
    if not at:
        return None
    found = Timestamp()
    found.FromNanoseconds(round(at * 1_000_000) * 1000)
    return found


def host(fleet: Fleet, name: str) -> pb.Host:
    """A host as the fleet shows it."""
    alive, summary = fleet.alive.get(name), fleet.summaries.get(name)
    known, desired = fleet.known.get(name), fleet.desired.get(name)
    state = fleet.host_state(name)
    ready, claimed, failed = _counts(fleet, name)
    cordoned = state in {HostState.CORDONED, HostState.DRAINING} and desired is not None
    told: dict[str, Any] = {
        "reason": desired.record.reason if cordoned and desired else known.record.reason if known else "",
        "since": moment(known.record.since if known else None),
    }
    if alive:
        told |= {
            "slots": alive.record.slots,
            "labels": dict(alive.record.labels),
            "versions": dict(alive.record.versions),
            "boot_id": alive.record.boot_id,
            "status_address": alive.record.status,
        }
    if summary:
        told |= {
            "load1": summary.record.load1,
            "memory_total_bytes": summary.record.memory_total,
            "memory_available_bytes": summary.record.memory_available,
            "pressure": dict(summary.record.pressure),
        }
    if desired:
        told |= {
            "browser_flags": desired.record.browser_flags,
            "wanted_slots": desired.record.slots,
            "drain_deadline": moment(desired.record.drain_deadline),
        }
    losses = [moment(loss) for loss in known.record.losses] if known else []
    return pb.Host(
        name=name,
        state=_HOST_STATES[state],
        ready=ready,
        claimed=claimed,
        failed=failed,
        losses=[loss for loss in losses if loss],
        **told,
    )


def host_state(state: HostState) -> Any:
    """The same of the interface."""
    return _HOST_STATES[state]


def _counts(fleet: Fleet, name: str) -> tuple[int, int, int]:
    ready = claimed = failed = 0
    for instance, row in fleet.on_host(name):
        if row.record.state is InstanceState.FAILED:
            failed += 1
        elif instance in fleet.claims:
            claimed += 1
        elif row.record.state is InstanceState.READY and row.record.open and instance not in fleet.kills:
            ready += 1
    return ready, claimed, failed


def instance(fleet: Fleet, name: str) -> pb.Instance:
    """An instance as the fleet shows it."""
    row, claim = fleet.instances[name], fleet.claims.get(name)
    home = host_of(name)
    record = row.record
    return pb.Instance(
        id=name,
        type=record.type.value,
        state=_state(fleet, name),
        reason=_reason(fleet, name),
        host="" if home == REGISTERED else home,
        slot=record.slot,
        generation=record.generation,
        since=moment(record.since),
        endpoints=dict(record.endpoints),
        labels=dict(record.labels),
        parent=fleet.parent(name),
        children=sorted(fleet.children(name)),
        proxy=claim.record.proxy if claim else "",
        claim_kind=claim.record.kind.value if claim else "",
    )


def _state(fleet: Fleet, name: str) -> Any:
    record = fleet.instances[name].record
    if name in fleet.kills:
        registered = host_of(name) == REGISTERED
        return pb.INSTANCE_STATE_GONE if registered else pb.INSTANCE_STATE_RECYCLING
    if fleet.is_stale(name):
        return pb.INSTANCE_STATE_STALE
    if record.state is InstanceState.READY and name in fleet.claims:
        return pb.INSTANCE_STATE_CLAIMED
    return _INSTANCE_STATES[record.state]


def _reason(fleet: Fleet, name: str) -> str:
    if kill := fleet.kills.get(name):
        by = f" (by {kill.record.by})" if kill.record.by else ""
        return f"{kill.record.kind}: {kill.record.reason}{by}"
    return fleet.instances[name].record.reason


def binding(parent: str, child: str, at: float) -> pb.Binding:
    """A bond."""
    return pb.Binding(parent=parent, child=child, since=moment(at))


def session(proxy: str, report: SessionReport) -> pb.Session:
    """A session as its proxy reports it."""
    home = host_of(report.instance)
    return pb.Session(
        instance=report.instance,
        host="" if home == REGISTERED else home,
        proxy=proxy,
        kind=report.kind,
        client=report.client,
        since=moment(report.since),
        ended=moment(report.ended),
        end_reason=report.end_reason,
        bytes_from_client=report.bytes_from_client,
        bytes_to_client=report.bytes_to_client,
        connections=report.connections,
    )


def event(found: Event) -> pb.Event:
    """Something that happened."""
    return pb.Event(
        at=moment(found.at),
        number=found.number,
        noun=found.noun,
        name=found.name,
        what=found.what,
        reason=found.reason,
        by=found.by,
    )


def journal_line(report: JournalReport) -> pb.JournalLine:
    """A line of a journal."""
    return pb.JournalLine(at=moment(report.at), unit=report.unit, priority=report.priority, message=report.message)
