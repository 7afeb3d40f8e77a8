"""What hosts leave behind that are gone: claims that nobody can serve, requests that nobody can carry out, a name."""

from __future__ import annotations

from waypoint_controlplane.decide.decisions import REMEDIATION, Forget
from waypoint_controlplane.decide.ends import is_gone
from waypoint_controlplane.decide.turn import Turn
from waypoint_controlplane.fleet import Row
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import DesiredHost, HostState

_AT_ONCE = 90


def clear(turn: Turn) -> None:
    """Forget what is left of gone hosts, and after a long time the hosts."""
    if turn.frozen:
        return
    left: dict[str, list[tuple[str, int]]] = {}
    fleet = turn.fleet
    for host in sorted(fleet.claimed_hosts() - fleet.alive.keys()):
        left[host] = [(row.key, row.revision) for row in map(fleet.claims.__getitem__, fleet.claims_on(host))]
    for instance, row in fleet.kills.items():
        left.setdefault(host_of(instance), []).append((row.key, row.revision))
    for host in sorted((left.keys() | fleet.known.keys()) - fleet.alive.keys() - {REGISTERED}):
        if host in left:
            _clear(turn, host, left[host])
        else:
            _forget(turn, host)


def _clear(turn: Turn, host: str, keys: list[tuple[str, int]]) -> None:
    if is_gone(turn, host):
        reason = f"host {host} is gone: nobody can serve its claims or carry out requests for it"
        for start in range(0, len(keys), _AT_ONCE):
            turn.decide(Forget(tuple(keys[start : start + _AT_ONCE]), reason, (turn.without_lease(host),)))


def _forget(turn: Turn, host: str) -> None:
    row = turn.fleet.known[host]
    # The writer's clock may be wrong: this leader has missed the host for a while at least.
    long = turn.lasted("lost", host, turn.settings.host_grace)
    if row.record.state is HostState.GONE and long:
        if not turn.passed_on_the_wall(row.record.since + turn.settings.forget_host):
            return
        keys = [(row.key, row.revision)]
        desired = turn.fleet.desired.get(host)
        if desired and _is_ours(desired):
            keys.append((desired.key, desired.revision))
        reason = f"host {host} has been gone for {turn.seen.wall - row.record.since:.0f} s"
        turn.decide(Forget(tuple(keys), reason, (turn.without_lease(host),)))


def _is_ours(desired: Row[DesiredHost]) -> bool:
    """Whether it holds nothing but a cordon by remediation."""
    record = desired.record
    return record == DesiredHost(cordon=record.cordon, reason=record.reason, by=REMEDIATION)
