"""What to do now, from what is wanted and what is there. Pure; every action has a named reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from waypoint_agent.actions import Action, Await, Check, Forget, Reason, Start, Stop, Withdraw
from waypoint_agent.slots import Doing, Life, Slot
from waypoint_core.hold import EndCause
from waypoint_core.settings import AgentSettings

OVERDUE = 5.0
"""A start, or the end before it, that takes longer does not wait for a processor, and keeps no other from starting."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What this host should be.

    environment says what a slot's unit is started with; kills maps an instance to why it is to end, None if the
    request is broken. Not known: only as configured, since the registry has not been read yet.
    """

    slots: int
    environment: Callable[[int], str]
    known: bool = True
    kills: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What this host is. claims maps an instance to when its claim was found; what is not known is not in it."""

    slots: tuple[Slot, ...]
    connected: bool = True
    claims: Mapping[str, float] = field(default_factory=dict)
    claims_known: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, and when to ask again if nothing happens before."""

    actions: tuple[Action, ...] = ()
    again_at: float = float("inf")


class _Clock:
    """The present, which remembers the nearest moment that it was asked about."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.next = float("inf")

    def past(self, moment: float) -> bool:
        if moment > self.now:
            self.next = min(self.next, moment)
        return moment <= self.now


def reconcile(limits: AgentSettings, wanted: Wanted, observed: Observed, now: float) -> Plan:
    """The plan. Without a connection to systemd it is empty: nothing is certain, and nothing could be done."""
    if not observed.connected:
        return Plan()
    clock = _Clock(now)
    deciding = _Deciding(limits, wanted, observed, clock)
    return Plan(tuple(deciding.actions()), clock.next)


class _Deciding:
    def __init__(self, limits: AgentSettings, wanted: Wanted, observed: Observed, clock: _Clock) -> None:
        self._limits = limits
        self._wanted = wanted
        self._observed = observed
        self._clock = clock
        slots = {slot.number: slot for slot in observed.slots}
        self._slots = [slots.get(number) or Slot(number) for number in sorted({*range(wanted.slots), *slots})]
        self._starting = sum(slot.starting and not self._overdue(slot) for slot in self._slots)
        self._full = sum(map(_is_ready, self._slots)) >= wanted.slots

    def actions(self) -> Iterator[Action]:
        for slot in self._slots:
            action = self._vacant(slot) if slot.life is None else self._occupied(slot, slot.life)
            if action:
                yield action
        if gone := tuple(self._gone()):
            yield Forget(gone)

    def _overdue(self, slot: Slot) -> bool:
        began = slot.life.since if slot.life and not slot.life.end else slot.doing_since
        return self._clock.past(began + OVERDUE)

    def _vacant(self, slot: Slot) -> Action | None:
        if slot.number >= self._wanted.slots or not slot.vacant:
            return None
        if self._starting >= self._limits.start_limit or not self._clock.past(slot.retry_at):
            return None
        self._starting += 1
        return Start(slot.number)

    def _occupied(self, slot: Slot, life: Life) -> Action | None:
        if slot.doing in {Doing.STARTING, Doing.RESTARTING} and not life.end:
            return self._await(slot, life)
        if slot.doing is not Doing.NOTHING or not self._clock.past(slot.quiet_until):
            return None
        if life.leaving:
            return None
        if life.end:
            return self._stop(slot, life, Reason.ENDED, life.end.cause, life.end.detail, wanted=life.end.wanted)
        return self._must_end(slot, life) or self._not_ready(slot, life) or self._may_end(slot, life)

    def _stop(
        self, slot: Slot, life: Life, reason: Reason, cause: EndCause, detail: str, *, wanted: bool = True
    ) -> Stop:
        """A slot that is to blame has to be vacant for a while; one that is not needed stays so."""
        restart = wanted and slot.number < self._wanted.slots and self._starting < self._limits.start_limit
        self._starting += restart
        return Stop(slot.number, life.id, reason, cause, detail, wanted, restart)

    def _must_end(self, slot: Slot, life: Life) -> Action | None:
        """Ends whoever uses it."""
        limits = self._limits
        if (reason := self._wanted.kills.get(life.id)) is not None:
            return self._stop(slot, life, Reason.KILL_REQUESTED, EndCause.KILL_REQUESTED, reason)
        if life.session and limits.session_limit and self._clock.past(life.session_since + limits.session_limit):
            detail = f"sessions may last {limits.session_limit:g} s"
            return self._stop(slot, life, Reason.SESSION_LIMIT, EndCause.SESSION_LIMIT, detail)
        return None

    def _not_ready(self, slot: Slot, life: Life) -> Action | None:
        if life.ready:
            return None
        if life.holder is None and self._clock.past(life.since + self._limits.start_timeout):
            detail = f"not ready after {self._limits.start_timeout:g} s"
            return self._stop(slot, life, Reason.START_TIMEOUT, EndCause.HUNG, detail, wanted=False)
        return self._await(slot, life)

    def _await(self, slot: Slot, life: Life) -> Action | None:
        return Await(slot.number, life.id) if life.running and not life.ready and not life.probing else None

    def _may_end(self, slot: Slot, life: Life) -> Action | None:
        """Ends only what nobody uses; looks after the health of what nobody uses yet."""
        if not life.ready or life.session:
            return None
        if life.orphaned:
            if self._clock.past(life.since + self._limits.claim_timeout):
                detail = f"given out and for {self._limits.claim_timeout:g} s held by nobody"
                return self._stop(slot, life, Reason.ORPHANED, EndCause.STOPPED, detail)
        elif life.holder is None:
            if (found := self._observed.claims.get(life.id)) is not None:
                return self._claimed(slot, life, found)
            if action := self._idle(slot, life):
                return action
        # On whole seconds: many checks at one time cost less than a turn of the loop for each.
        if not life.probing and self._clock.past(math.ceil(life.answered + self._limits.probe_interval)):
            return Check(slot.number, life.id)
        return None

    def _claimed(self, slot: Slot, life: Life, found: float) -> Action | None:
        if not self._observed.claims_known or not self._clock.past(found + self._limits.claim_timeout):
            return None
        detail = f"claimed for {self._limits.claim_timeout:g} s and held by nobody"
        return self._stop(slot, life, Reason.VOID_CLAIM, EndCause.STOPPED, detail)

    def _idle(self, slot: Slot, life: Life) -> Action | None:
        reason = self._why_replace(slot, life)
        return Withdraw(slot.number, life.id, reason) if reason else None

    def _why_replace(self, slot: Slot, life: Life) -> Reason | None:
        if not self._wanted.known:
            return None
        if slot.number >= self._wanted.slots:
            return Reason.SURPLUS
        # One at a time, and only from a full pool: clients never wait because browsers are being renewed.
        if not self._full:
            return None
        reason = None
        if life.launched != self._wanted.environment(slot.number):
            reason = Reason.OUTDATED
        elif self._limits.max_age and self._clock.past(life.since + self._limits.max_age):
            reason = Reason.AGE
        self._full = reason is None
        return reason

    def _gone(self) -> Iterator[str]:
        """Ids in kill requests, and in claims that had their time, that no life here bears."""
        current = {slot.life.id for slot in self._slots if slot.life}
        yield from (instance for instance in self._wanted.kills if instance not in current)
        claims = self._observed.claims if self._observed.claims_known else {}
        for instance, found in claims.items():
            if instance not in current and self._clock.past(found + self._limits.claim_timeout):
                yield instance


def _is_ready(slot: Slot) -> bool:
    return slot.life is not None and slot.life.ready and not slot.life.end and slot.doing is Doing.NOTHING
