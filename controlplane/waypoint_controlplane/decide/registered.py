"""What registered itself: dead when it has been without heartbeat for too long; forgotten when dead for long enough."""

from __future__ import annotations

from waypoint_controlplane.decide.decisions import Forget
from waypoint_controlplane.decide.freeze import is_mass
from waypoint_controlplane.decide.turn import Turn
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import KillKind
from waypoint_core.registry import Absent, Unchanged


def declare_dead(turn: Turn) -> None:
    """Kill what has been stale for its grace: a host's, where so many are stale at once that the fault may be ours."""
    if turn.frozen:
        return
    fleet = turn.fleet
    grace = _grace(turn)
    for name, row in fleet.on_host(REGISTERED):
        beat = fleet.keys.beat(name)
        if name in fleet.kills or name in fleet.beats or beat in fleet.broken:
            continue
        if turn.lasted("stale", name, grace):
            reason = f"no heartbeat for {turn.settings.beat_ttl + turn.seen.span('stale', name):.0f} s"
            given = (Unchanged(row.key, row.revision), Absent(beat))
            turn.kill(name, KillKind.HEALTH_CHECK_FAILED, reason, given)


def _grace(turn: Turn) -> float:
    fleet, settings = turn.fleet, turn.settings
    living = [name for name, _ in fleet.on_host(REGISTERED) if name not in fleet.kills]
    stale = [name for name in living if name not in fleet.beats]
    return max(settings.beat_grace, settings.host_grace) if is_mass(turn, stale, living) else settings.beat_grace


def forget_dead(turn: Turn) -> None:
    """Delete tombstones with their records, once nothing that is bound to them is left."""
    fleet = turn.fleet
    for name, tombstone in fleet.kills.items():
        if host_of(name) != REGISTERED or fleet.children(name) or fleet.parent(name):
            continue
        if turn.lasted("dead", name, turn.settings.remember_dead):
            record = fleet.instances.get(name)
            rows = (tombstone, record) if record else (tombstone,)
            keys = tuple((row.key, row.revision) for row in rows)
            turn.decide(Forget(keys, f"{name} has been dead for {turn.seen.span('dead', name):.0f} s"))
