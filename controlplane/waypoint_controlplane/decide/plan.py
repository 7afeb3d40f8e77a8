"""Everything that a leader should do now."""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_controlplane.decide import bonds, drains, freeze, hosts, registered, remains
from waypoint_controlplane.decide.decisions import Decision
from waypoint_controlplane.decide.observed import Observed
from waypoint_controlplane.decide.turn import Turn
from waypoint_controlplane.fleet import Fleet
from waypoint_core.settings import ControlPlaneSettings

MOST_DECISIONS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order, at most MOST_DECISIONS; again_at: when (monotonic) to plan anew though nothing
    changed, infinite if time alone changes nothing."""

    decisions: tuple[Decision, ...]
    again_at: float


def plan(settings: ControlPlaneSettings, fleet: Fleet, observed: Observed) -> Plan:
    """What a leader should do at this moment; nothing while the tables may be out of date."""
    turn = Turn(settings, fleet, observed)
    if fleet.synced:
        freeze.settle(turn)
        hosts.judge(turn)
        registered.declare_dead(turn)
        bonds.enforce(turn)
        drains.end(turn)
        remains.clear(turn)
        registered.forget_dead(turn)
    if len(turn.decisions) > MOST_DECISIONS:
        turn.wake(observed.now)
    return Plan(tuple(turn.decisions[:MOST_DECISIONS]), turn.again_at)
