"""Whether remediation stands still: where much is lost at once, the fault is rarely where it shows."""

from __future__ import annotations

from collections.abc import Sequence

from waypoint_controlplane.decide.decisions import REMEDIATION, SetFreeze
from waypoint_controlplane.decide.turn import Turn
from waypoint_core.model import Freeze, HostState

_NAMED = 3


def settle(turn: Turn) -> None:
    """Begin a freeze with a mass loss and end it with the loss; an operator's stays, and so does an override."""
    row, loss = turn.fleet.freeze, _lost_hosts(turn)
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


def is_mass(turn: Turn, lost: Sequence[str], known: Sequence[str]) -> bool:
    """Whether so many of what is known are lost that the fault is rarely theirs."""
    settings = turn.settings
    return len(lost) >= settings.mass_loss_least and len(lost) > settings.mass_loss * len(known)


def _lost_hosts(turn: Turn) -> str:
    """Which hosts are lost at once, in words; "" if that is no mass loss."""
    fleet = turn.fleet
    hosts = [host for host in fleet.hosts() if turn.is_there(host) or fleet.host_state(host) is not HostState.GONE]
    lost = [host for host in hosts if not turn.is_there(host)]
    everything = bool(hosts) and len(lost) == len(hosts)
    if not (everything or is_mass(turn, lost, hosts)):
        return ""
    named = ", ".join(lost[:_NAMED])
    more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
    return f"{len(lost)} of {len(hosts)} hosts have lost their leases at one time: {named}{more}"
