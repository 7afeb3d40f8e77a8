"""Whether an instance's life is over, and how one knows: the ground of everything that follows from it."""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_controlplane.decide.turn import Turn
from waypoint_controlplane.fleet import REPUBLISHED
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import HostState, InstanceState
from waypoint_core.registry import Absent, Condition, Present, Unchanged

# Events of one transaction arrive one by one: a record may follow its bond.
_SETTLE_REGISTERED = 1.0


@dataclass(frozen=True, slots=True)
class End:
    """A life is over: why, in words, and what of the registry says so."""

    reason: str
    given: tuple[Condition, ...]


def ended(turn: Turn, instance: str) -> End | None:
    """How the instance ended; None: it lives, or nobody can tell yet."""
    fleet = turn.fleet
    if kill := fleet.kills.get(instance):
        return End(kill.record.reason, (Present(kill.key),))
    if row := fleet.instances.get(instance):
        # The agent keeps the record of a browser that does not start, to say why.
        if row.record.state in {InstanceState.FAILED, InstanceState.GONE}:
            return End(row.record.reason or row.record.state, (Unchanged(row.key, row.revision),))
        return None
    key = turn.instance_key(instance)
    if key in fleet.broken:
        return None
    host = host_of(instance)
    if host == REGISTERED:
        settled = turn.lasted("missing", instance, _SETTLE_REGISTERED)
        return End("it is not registered any more", (Absent(key),)) if settled else None
    return _browser_missing(turn, host, Absent(key))


def _browser_missing(turn: Turn, host: str, absent: Condition) -> End | None:
    if host in turn.fleet.alive:
        settled = turn.lasted("back", host, REPUBLISHED)
        return End("its browser has ended", (absent,)) if settled else None
    if turn.frozen or not is_gone(turn, host):
        return None
    return End(f"its host {host} is gone", (absent, turn.without_lease(host)))


def is_gone(turn: Turn, host: str) -> bool:
    """Whether a host without its lease is gone: so it was declared, or nobody has known of it for the whole grace."""
    known = turn.fleet.known.get(host)
    if known:
        return known.record.state is HostState.GONE
    return turn.lasted("lost", host, turn.settings.host_grace)
