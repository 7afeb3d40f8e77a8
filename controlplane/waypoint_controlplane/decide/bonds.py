"""What dies with its parent. One step a turn: what was killed is a dead parent in the next, under any leader."""

from __future__ import annotations

from waypoint_controlplane.decide.decisions import Forget
from waypoint_controlplane.decide.ends import ended
from waypoint_controlplane.decide.turn import Turn
from waypoint_controlplane.fleet import Row, pair
from waypoint_core.model import Binding, KillKind
from waypoint_core.registry import Present

_LONGEST_REASON = 300


def enforce(turn: Turn) -> None:
    """Kill children of the dead, and forget bonds whose child is dead."""
    for name, row in turn.fleet.bindings.items():
        _enforce(turn, *pair(name), row)


def _enforce(turn: Turn, parent: str, child: str, row: Row[Binding]) -> None:
    if end := ended(turn, child):
        reason = f"{child} is dead: it needs no bond to {parent}"
        turn.decide(Forget(((row.key, row.revision),), reason, end.given))
    elif end := ended(turn, parent):
        reason = f"its parent {parent} is dead: {end.reason}"[:_LONGEST_REASON]
        bond = (parent, child, row.revision)
        turn.kill(child, KillKind.PARENT_DEAD, reason, (*end.given, *_living(turn, child)), bond=bond)


def _living(turn: Turn, child: str) -> tuple[Present, ...]:
    """The child's record, where it has one now: a request for what has just ended would stay behind."""
    row = turn.fleet.instances.get(child)
    return (Present(row.key),) if row else ()
