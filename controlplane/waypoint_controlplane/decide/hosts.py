"""What is made of each host: ready; suspect as soon as its lease is lost; gone after a grace and without an answer.

A host that is lost again and again is cordoned when it comes back. The cordon forgets its losses, so that who takes
it back is not contradicted before the host has been lost as often again.
"""

from __future__ import annotations

from dataclasses import replace

from waypoint_controlplane.decide.decisions import REMEDIATION, Cordon, Note, Probe
from waypoint_controlplane.decide.turn import Turn
from waypoint_core.model import DesiredHost, HostAlive, HostState, KnownHost
from waypoint_core.registry import Present

_LOST = "has lost its lease"
_ANSWERS = "has lost its lease but answers"
_SILENT = "has lost its lease and does not answer"
_MOST_PROBES = 20
_MOST_LOSSES = 10


def judge(turn: Turn) -> None:
    """Note what changed, ask the suspects, declare one of those gone that do not answer."""
    fleet = turn.fleet
    silent: list[str] = []
    for host in fleet.hosts():
        alive, row = fleet.alive.get(host), fleet.known.get(host)
        if alive:
            _present(turn, host, alive.record, row.record if row else None)
        elif turn.is_there(host):
            continue
        elif row and row.record.state is HostState.SUSPECT:
            if _is_silent(turn, host, row.record):
                silent.append(host)
        elif row and row.record.state is not HostState.GONE:
            losses = (*_recent(turn, row.record), turn.seen.wall)[-_MOST_LOSSES:]
            _note(turn, host, replace(row.record, state=HostState.SUSPECT, losses=losses), _LOST)
    _evict(turn, sorted(silent, key=lambda host: _lost_since(turn, host)))


def _present(turn: Turn, host: str, alive: HostAlive, known: KnownHost | None) -> None:
    if known is None:
        _note(turn, host, KnownHost(HostState.READY, 0.0, status=alive.status), "first seen")
    elif known.state is not HostState.READY:
        _back(turn, host, replace(known, state=HostState.READY, status=alive.status), known)
    elif known.status != alive.status:
        _note(turn, host, replace(known, status=alive.status), "answers at another address", since=known.since)


def _back(turn: Turn, host: str, ready: KnownHost, known: KnownHost) -> None:
    gone = " and was declared gone" if known.state is HostState.GONE else ""
    away = max(0.0, turn.seen.wall - (known.losses[-1] if known.losses else known.since))
    reason = f"is back: it was without its lease for {away:.0f} s{gone}"
    losses = _recent(turn, known)
    desired = turn.fleet.desired.get(host)
    key = turn.fleet.keys.desired_host(host)
    if len(losses) < turn.settings.flap_losses or key in turn.fleet.broken:
        _note(turn, host, replace(ready, losses=losses), reason)
    elif desired and desired.record.cordon:
        _note(turn, host, replace(ready, losses=()), reason)
    else:
        window = turn.settings.flap_window
        why = f"flapping: it lost its lease {len(losses)} times within {window:.0f} s"
        wanted = replace(desired.record if desired else DesiredHost(), cordon=True, reason=why, by=REMEDIATION)
        note = _noted(turn, host, replace(ready, losses=()), reason)
        turn.decide(Cordon(host, wanted, desired.revision if desired else 0, why, note))


def _is_silent(turn: Turn, host: str, known: KnownHost) -> bool:
    """Whether the host had its grace and does not answer either; asks it when nothing is known of late."""
    if not turn.lasted("lost", host, turn.settings.host_grace):
        return False
    if not known.status:
        return True
    answer = turn.seen.probes.get(host)
    if answer is None or turn.passed(answer.at + turn.settings.host_grace / 4):
        _ask(turn, host, known)
        return False
    if answer.answered and known.reason != _ANSWERS:
        _note(turn, host, known, _ANSWERS, since=known.since)
    return not answer.answered


def _ask(turn: Turn, host: str, known: KnownHost) -> None:
    asked = sum(isinstance(decision, Probe) for decision in turn.decisions)
    # The end of a probe starts a turn, which takes up those that had to wait.
    if host not in turn.seen.probing and asked + len(turn.seen.probing) < _MOST_PROBES:
        turn.decide(Probe(host, known.status, f"{_LOST} {turn.seen.span('lost', host):.0f} s ago"))


def _evict(turn: Turn, silent: list[str]) -> None:
    """At most one at a time goes; the others wait, and say for what."""
    interval = turn.settings.eviction_interval
    if silent and not turn.frozen and turn.passed(turn.seen.evicted_at + interval):
        host = silent.pop(0)
        known = turn.fleet.known[host].record
        answer = "does not answer" if known.status else "has no status endpoint to ask"
        reason = f"has been without its lease for {turn.seen.span('lost', host):.0f} s and {answer}"
        _note(turn, host, replace(known, state=HostState.GONE), reason)
        if silent:
            turn.wake(turn.seen.now + interval)
    for host in silent:
        known = turn.fleet.known[host].record
        if known.reason != _SILENT:
            _note(turn, host, known, _SILENT, since=known.since)


def _note(turn: Turn, host: str, known: KnownHost, reason: str, *, since: float | None = None) -> None:
    turn.decide(_noted(turn, host, known, reason, since))


def _noted(turn: Turn, host: str, known: KnownHost, reason: str, since: float | None = None) -> Note:
    keys = turn.fleet.keys
    ready = known.state is HostState.READY
    given = Present(keys.host_alive(host)) if ready else turn.without_lease(host)
    written = replace(known, reason=reason, since=turn.seen.wall if since is None else since)
    revision = turn.revision(keys.known_host(host), turn.fleet.known.get(host))
    return Note(host, written, revision, reason, (given,))


def _recent(turn: Turn, known: KnownHost) -> tuple[float, ...]:
    horizon = turn.seen.wall - turn.settings.flap_window
    return tuple(loss for loss in known.losses if loss > horizon)


def _lost_since(turn: Turn, host: str) -> tuple[float, float, str]:
    """Longest lost first; what another leader noted decides where this one saw all of them lost from the start."""
    known = turn.fleet.known[host].record
    return turn.seen.since.get(f"lost {host}", turn.seen.now), known.since, host
