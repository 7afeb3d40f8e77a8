"""What a drain's deadline ends. Until then nobody's session is touched."""

from __future__ import annotations

from collections.abc import Iterator

from waypoint_controlplane.decide.decisions import REMEDIATION
from waypoint_controlplane.decide.turn import Turn
from waypoint_controlplane.fleet import Row
from waypoint_core.model import DesiredHost, HostState, KillKind
from waypoint_core.registry import Present, Unchanged


def end(turn: Turn) -> None:
    """Kill what still has a claim on a host whose drain is past its deadline."""
    for host, row in turn.fleet.desired.items():
        deadline = row.record.drain_deadline
        if not row.record.cordon or deadline is None or turn.fleet.host_state(host) is HostState.GONE:
            continue
        left = list(_left(turn, host))
        if left and turn.passed_on_the_wall(deadline):
            for instance in left:
                _kill(turn, instance, row)


def _left(turn: Turn, host: str) -> Iterator[str]:
    """Claimed, not killed yet, and not ended: of an ended one the agent is about to remove the claim."""
    fleet = turn.fleet
    for instance in fleet.claims_on(host):
        there = instance in fleet.instances or turn.instance_key(instance) in fleet.broken
        if instance not in fleet.kills and (there or host not in fleet.alive):
            yield instance


def _kill(turn: Turn, instance: str, row: Row[DesiredHost]) -> None:
    why = f": {row.record.reason}" if row.record.reason else ""
    reason = f"host is drained: the deadline has passed{why}"
    given = (Unchanged(row.key, row.revision), Present(turn.fleet.claims[instance].key))
    turn.kill(instance, KillKind.KILLED, reason, given, by=row.record.by or REMEDIATION)
