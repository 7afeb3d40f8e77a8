"""An instance as a message of the instance manager. No I/O."""

from __future__ import annotations

from collections.abc import Mapping

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.fleet import Fleet, join
from waypoint_controlplane.serve.claim import proxy_for
from waypoint_controlplane.serve.family import parent_of
from waypoint_controlplane.serve.rules import is_browser, services
from waypoint_core.model import ClaimKind, direct_addresses


def milliseconds(seconds: float) -> pb.TimestampMs:
    """A time on the wire."""
    return pb.TimestampMs(timestamp_ms=max(0, int(seconds * 1000)))


def described(fleet: Fleet, instance: str) -> pb.InstanceDescription:
    """An instance of the tables, without its health and what it posted."""
    row = fleet.instances[instance]
    kill = fleet.kills.get(instance)
    parent = parent_of(fleet, instance)
    children = sorted(fleet.children(instance))
    return pb.InstanceDescription(
        created_timestamp_ms=milliseconds(row.record.since),
        instance_type=row.record.type.name,
        instance_id=pb.InstanceId(instance_id=instance),
        kill_instance_request=pb.KillInstanceRequest(
            timestamp_ms=milliseconds(kill.record.at), kill_reason=kill.record.kind.name
        )
        if kill
        else None,
        services=services(_endpoints(fleet, instance), milliseconds(row.record.since)),
        children=pb.Children(children=[_relationship(fleet, instance, child, child) for child in children])
        if children
        else None,
        parent=_relationship(fleet, parent, instance, parent) if parent else None,
    )


def _relationship(fleet: Fleet, parent: str, child: str, other: str) -> pb.Relationship:
    bond = fleet.bindings.get(join(parent, child))
    since = bond.record.at if bond else fleet.instances[child].record.since
    return pb.Relationship(timestamp_ms=milliseconds(since), instance_id=pb.InstanceId(instance_id=other))


def _endpoints(fleet: Fleet, instance: str) -> Mapping[str, str]:
    """Where clients reach it. A browser answers its own host alone: others reach it through that host's proxy."""
    record = fleet.instances[instance].record
    if not is_browser(instance):
        return record.endpoints
    claim = fleet.claims.get(instance)
    if claim and claim.record.kind is ClaimKind.DIRECT and claim.record.address:
        owner = fleet.proxies.get(claim.record.proxy)
        return {**(direct_addresses(owner.record, record) if owner else {}), "cdp": claim.record.address}
    proxy = proxy_for(fleet, instance, record)
    if proxy is None:
        return {}
    edges = {"cdp": proxy.row.record.address, "tzafonwright": proxy.row.record.tzafonwright}
    return proxy.direct or {protocol: address for protocol, address in edges.items() if address}
