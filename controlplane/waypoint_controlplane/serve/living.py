"""Which instances there are, as the instance manager tells of them. No I/O."""

from __future__ import annotations

from collections.abc import Iterator

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.rules import is_browser
from waypoint_core.keys import host_of
from waypoint_core.model import HostState, InstanceState, InstanceType

_LIVE = {InstanceState.READY, InstanceState.CLAIMED}


def listed(fleet: Fleet, kind: InstanceType) -> Iterator[str]:
    """The instances of this type that live and are healthy, also those that somebody has claimed."""
    return (name for name in fleet.instances if lives(fleet, name, kind) and not fleet.is_stale(name))


def lives(fleet: Fleet, instance: str, kind: InstanceType) -> bool:
    """Whether it is of this type and has not died; one that is stale may recover, and lives."""
    row = fleet.instances.get(instance)
    return (
        row is not None
        and row.record.type is kind
        and row.record.state in _LIVE
        and instance not in fleet.kills
        and not (is_browser(instance) and fleet.host_state(host_of(instance)) is HostState.GONE)
    )
