"""Whether remediation stands still: where much is lost at once, the fault is rarely where it shows."""

from __future__ import annotations

from collections.abc import Sequence

from waypoint_controlplane.decide.decisions import REMEDIATION, SetFreeze
from waypoint_controlplane.decide.turn import Turn
from waypoint_core.keys import REGISTERED
from waypoint_core.model import Freeze, HostState

_NAMED = 3


def settle(turn: Turn) -> None:
    """Begin a freeze with a mass loss and end it with the loss; an operator's stays, and so does an override."""
    row, loss = turn.fleet.freeze, _loss(turn)
    if row is None:
        turn.frozen = bool(loss)
        if loss:
            _set(turn, Freeze(frozen=True, by=REMEDIATION, reason=loss, at=turn.seen.wall), loss)
        return
    turn.frozen = row.record.frozen
    if loss:
        return
    if not row.record.frozen:
        _set(turn, None, "nothing is lost any more that a freeze would have to be overridden for")
    elif row.record.by == REMEDIATION:
        _set(turn, None, f"no longer so: {row.record.reason}")


def _set(turn: Turn, freeze: Freeze | None, reason: str) -> None:
    revision = turn.revision(turn.fleet.keys.freeze, turn.fleet.freeze)
    turn.decide(SetFreeze(freeze, revision, reason))


def _loss(turn: Turn) -> str:
    """What is lost at once, in words; "" if that is no mass loss."""
    return _lost_hosts(turn) or _stale_instances(turn)


def _lost_hosts(turn: Turn) -> str:
    fleet = turn.fleet
    hosts = [host for host in fleet.hosts() if turn.is_there(host) or fleet.host_state(host) is not HostState.GONE]
    lost = [host for host in hosts if not turn.is_there(host)]
    everything = bool(hosts) and len(lost) == len(hosts)
    return _told("hosts have lost their leases", lost, hosts) if everything or _is_mass(turn, lost, hosts) else ""


def _stale_instances(turn: Turn) -> str:
    fleet = turn.fleet
    living = [name for name, _ in fleet.on_host(REGISTERED) if name not in fleet.kills]
    stale = [name for name in living if name not in fleet.beats]
    return _told("registered instances are without heartbeat", stale, living) if _is_mass(turn, stale, living) else ""


def _is_mass(turn: Turn, lost: Sequence[str], known: Sequence[str]) -> bool:
    settings = turn.settings
    return len(lost) >= settings.mass_loss_least and len(lost) > settings.mass_loss * len(known)


def _told(what: str, lost: Sequence[str], known: Sequence[str]) -> str:
    named = ", ".join(lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return f"{len(lost)} of {len(known)} {what} at one time: {named}{more}"
