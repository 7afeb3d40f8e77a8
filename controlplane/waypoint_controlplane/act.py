"""Carries decisions out: each by one transaction that compares the leadership key and what was decided upon."""

from __future__ import annotations

import enum
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from waypoint_controlplane.decide.decisions import Cordon, Decision, Forget, Kill, Note, Probe, SetFreeze
from waypoint_controlplane.leader import Term
from waypoint_core.codec import decode, encode
from waypoint_core.errors import CodecError, RegistryError
from waypoint_core.keys import Keys, host_of
from waypoint_core.model import HostState, KillRequest, Leader, Tick
from waypoint_core.registry import Condition, Delete, Entry, Get, Operation, Put, Registry, Unchanged

log = logging.getLogger("waypoint.controlplane.act")


class Result(enum.StrEnum):
    """What became of a decision.

    already: what it was decided upon no longer holds, most often because it was carried out before. deposed: refused,
    since another leads or nobody. unknown: the registry did not say; it is decided again if it still needs to be.
    """

    DONE = "done"
    ALREADY = "already"
    DEPOSED = "deposed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Write:
    """A decision as a transaction, the leadership left out."""

    conditions: tuple[Condition, ...]
    operations: tuple[Operation, ...]


class Hand:
    """Writes for one term. reached: the revision of the latest write that was done."""

    def __init__(self, registry: Registry, keys: Keys, term: Term, wall: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._keys = keys
        self._term = term
        self._wall = wall
        self.reached = 0

    async def carry_out(self, decision: Decision) -> Result:
        """Write one decision (not a Probe), and say in the log what it was and why."""
        result = await self._commit(write(self._keys, decision, self._wall()), told(decision))
        if result is Result.DONE:
            log.log(_weight(decision), "%s: %s", told(decision), decision.reason)
        else:
            log.debug("%s is not done (%s): %s", told(decision), result, decision.reason)
        return result

    async def tick(self) -> Result:
        """Write the sign of life, which also tells whether this control plane still leads."""
        tick = Tick(self._wall(), self._term.name)
        return await self._commit(Write((), (Put(self._keys.tick, encode(tick)),)), "the tick")

    async def _commit(self, write: Write, what: str) -> Result:
        leading = Unchanged(self._keys.leader, self._term.revision)
        try:
            outcome = await self._registry.transact(
                (leading, *write.conditions), write.operations, (Get(self._keys.leader),)
            )
        except RegistryError as error:
            log.warning("cannot tell whether %s was written: %s", what, error)
            return Result.UNKNOWN
        if outcome.succeeded:
            self.reached = outcome.revision
            return Result.DONE
        found = outcome.reads[0]
        if found is not None and found.mod_revision == self._term.revision:
            return Result.ALREADY
        log.warning("write refused, %s leads: %s", _leader(found), what)
        return Result.DEPOSED


def write(keys: Keys, decision: Decision, wall: float) -> Write:
    """The transaction that a decision stands for."""
    match decision:
        case Note(host=host, known=known):
            key = keys.known_host(host)
            return Write((Unchanged(key, decision.unless_changed), *decision.given), (Put(key, encode(known)),))
        case Cordon(host=host, desired=desired, note=note):
            key, noted = keys.desired_host(host), write(keys, note, wall)
            mine = (Unchanged(key, decision.unless_changed), *noted.conditions)
            return Write(mine, (Put(key, encode(desired)), *noted.operations))
        case SetFreeze(freeze=freeze):
            change = Put(keys.freeze, encode(freeze)) if freeze else Delete(keys.freeze)
            return Write((Unchanged(keys.freeze, decision.unless_changed),), (change,))
        case Kill():
            return _kill(keys, decision, wall)
        case Forget(keys=forgotten, given=given):
            unchanged = (Unchanged(key, revision) for key, revision in forgotten)
            return Write((*given, *unchanged), tuple(Delete(key) for key, _ in forgotten))
        case Probe():
            raise TypeError("cannot write a probe: it is asked, not written")


def _kill(keys: Keys, kill: Kill, wall: float) -> Write:
    key = keys.desired_instance(host_of(kill.instance), kill.instance)
    request = KillRequest(kill.reason, kill.kind, kill.by, wall)
    conditions: list[Condition] = [Unchanged(key, kill.unless_changed), *kill.given]
    operations: list[Operation] = [Put(key, encode(request))]
    if kill.bond:
        parent, child, revision = kill.bond
        bond = keys.binding(parent, child)
        conditions.append(Unchanged(bond, revision))
        operations.append(Delete(bond))
    return Write(tuple(conditions), tuple(operations))


def kind(decision: Decision) -> str:
    """What sort of decision it is, in one word."""
    return type(decision).__name__.removeprefix("Set").lower()


def told(decision: Decision) -> str:
    """A decision in a few words, for people."""
    match decision:
        case Note(host=host, known=known):
            return f"host {host} is {known.state}"
        case Cordon(host=host):
            return f"host {host} is cordoned"
        case SetFreeze(freeze=freeze):
            return "remediation is frozen" if freeze else "remediation goes on"
        case Kill(instance=instance, kind=kind):
            return f"{instance} is to end ({kind})"
        case Forget(keys=forgotten):
            return f"forgotten {_named(forgotten)}"
        case Probe(host=host):
            return f"host {host} is asked"


def _named(forgotten: Sequence[tuple[str, int]]) -> str:
    more = f" and {len(forgotten) - 1} more" if len(forgotten) > 1 else ""
    return f"{forgotten[0][0]}{more}"


def _weight(decision: Decision) -> int:
    """What an operator should come across is a warning."""
    match decision:
        case Note(known=known) if known.state is not HostState.READY:
            return logging.WARNING
        case Cordon() | SetFreeze():
            return logging.WARNING
    return logging.INFO


def _leader(found: Entry | None) -> str:
    """Who leads according to the leadership key."""
    if found is None:
        return "nobody"
    try:
        return decode(Leader, found.value, found.key).name
    except CodecError:
        return "somebody unknown"
