"""What is there: the host's slots, the life in each, and who holds it. No I/O; times are monotonic.

Facts come in from systemd, probes and holders; the reconciler reads frozen slots and decides. A life is over for
everyone at the moment its end is decided or seen: from then on it is nobody's, and its holder has been told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from waypoint_agent.generations import Generations
from waypoint_agent.launch import Launches
from waypoint_agent.manager import Changed, Listed, Lost, UnitEvent
from waypoint_agent.metrics import Metrics
from waypoint_agent.slots import Doing, End, Holder, Life, Slot
from waypoint_agent.units import Active, Result, UnitState, end_cause
from waypoint_core import keys
from waypoint_core.hold import EndCause

log = logging.getLogger("waypoint.agent.pool")

_FIRST_BACKOFF = 0.25
_PROVEN = 10.0


class Pool:
    """The slots of one host. changed is called after every change that others could act upon."""

    def __init__(
        self,
        host: str,
        launches: Launches,
        generations: Generations,
        clock: Callable[[], float],
        changed: Callable[[], None],
        *,
        metrics: Metrics,
        backoff_max: float = 30.0,
    ) -> None:
        self._host = host
        self._launches = launches
        self._generations = generations
        self._clock = clock
        self._changed = changed
        self._metrics = metrics
        self._backoff_max = backoff_max
        self._slots: dict[int, Slot] = {}
        self.connected = False
        self.listed = False
        self.systemd = ""
        self.browser = ""

    def slots(self) -> tuple[Slot, ...]:
        """All slots that ever had something to do, in order."""
        return tuple(self._slots[number] for number in sorted(self._slots))

    def slot(self, number: int) -> Slot:
        """One slot, empty if nothing is known of it."""
        return self._slots.get(number) or Slot(number)

    def current(self, instance: str) -> Slot | None:
        """The slot whose life this is and has not ended."""
        return next((slot for slot in self._living() if slot.life and slot.life.id == instance), None)

    # From systemd.

    def observe(self, event: UnitEvent) -> None:
        """Take in what systemd reports."""
        match event:
            case Listed(units, version):
                self.connected = self.listed = True
                self.systemd = version
                there = {unit.slot for unit in units}
                for unit in units:
                    self._observe_unit(unit, adopted=True)
                for number in set(self._slots) - there:
                    self._observe_unit(UnitState(number), adopted=True)
                log.info("systemd %s: %d browsers are running", version, len(list(self._living())))
            case Changed(unit):
                self._observe_unit(unit, adopted=False)
            case Lost(reason):
                self.connected = False
                log.warning("cannot follow systemd: %s", reason)
        self._changed()

    def _observe_unit(self, unit: UnitState, *, adopted: bool) -> None:
        life = self.slot(unit.slot).life
        if life and (life.invocation != unit.invocation or not unit.active.runs):
            self._over(unit.slot, unit)
            life = None
        if unit.active.runs and not life and unit.invocation:
            life = self._begin(unit, adopted=adopted)
        if not life:
            return
        if unit.active is Active.DEACTIVATING:
            if not life.end:
                self._ended_by_itself(life, unit)
            self._leaving(unit.slot)
        elif unit.active is Active.ACTIVE and not life.running:
            self._live(unit.slot, replace(life, running=True))

    def _leaving(self, number: int) -> None:
        if life := self._slots[number].life:
            self._live(number, replace(life, leaving=True))

    def _begin(self, unit: UnitState, *, adopted: bool) -> Life:
        life = Life(
            id=keys.browser_id(self._host, unit.slot, unit.invocation),
            invocation=unit.invocation,
            generation=self._generations.of(unit.slot, unit.invocation),
            since=self._clock(),
            started=unit.since,
            launched=self._launches.read(unit.slot),
            adopted=adopted,
            given=self._launches.given(unit.slot, unit.invocation),
        )
        log.debug("slot %d: generation %d %s", unit.slot, life.generation, "adopted" if adopted else "started")
        self._live(unit.slot, life)
        return life

    def _over(self, number: int, unit: UnitState) -> None:
        """The slot's life has left no process behind."""
        slot = self._slots[number]
        life = slot.life
        if life and not life.end:
            seen = unit if unit.invocation == life.invocation else UnitState(number)
            self._ended_by_itself(life, seen)
            slot = self._slots[number]
            life = slot.life
        if life and life.end:
            self._slots[number] = self._judged(replace(slot, life=None, last_id=life.id), life, life.end)

    def _ended_by_itself(self, life: Life, unit: UnitState) -> None:
        cause, detail = end_cause(unit)
        by_hand = cause is EndCause.STOPPED and unit.result is Result.SUCCESS
        self.end(life.id, cause, detail, wanted=by_hand)

    def _judged(self, slot: Slot, life: Life, end: End) -> Slot:
        """The slot after a life: at once ready for the next, or paused, if it cannot keep a browser alive."""
        proven = life.had_session or (life.ready and self._clock() - life.since >= _PROVEN)
        if end.wanted or proven:
            return replace(slot, failures=0, failure="", retry_at=0.0)
        return self._paused(slot, f"{end.cause}: {end.detail}", forgiven=1 if life.ready else 0)

    def _paused(self, slot: Slot, failure: str, forgiven: int = 0) -> Slot:
        counted = slot.failures + 1 - forgiven
        pause = min(_FIRST_BACKOFF * 2 ** min(counted - 1, 20), self._backoff_max) if counted else 0.0
        log.warning("slot %d failed, next start in %.2f s: %s", slot.number, pause, failure)
        retry_at = self._clock() + pause if pause else 0.0
        return replace(slot, failures=slot.failures + 1, failure=failure, retry_at=retry_at)

    # From the executor.

    def doing(self, number: int, doing: Doing) -> None:
        """Note what is under way for a slot."""
        self._slots[number] = replace(self.slot(number), doing=doing, doing_since=self._clock())
        self._changed()

    def refused(self, number: int, quiet: float = 1.0) -> None:
        """systemd or the registry refused something for a slot: leave it alone for so many seconds."""
        self._slots[number] = replace(self.slot(number), quiet_until=self._clock() + quiet)
        self._changed()

    def start_failed(self, number: int, failure: str, failures_before: int) -> None:
        """The start job came to nothing; counted once, also when systemd reported a life that failed."""
        slot = self.slot(number)
        if slot.failures == failures_before:
            self._slots[number] = self._paused(slot, failure)
            self._changed()

    def probing(self, instance: str, *, probing: bool) -> None:
        """Note that a probe is under way."""
        self._update(instance, quietly=True, probing=probing)

    def answered(self, instance: str, endpoint: str, browser: str, *, jitter: float = 0.0) -> None:
        """The browser answered a probe: it is ready, and lives. The next probe comes up to jitter seconds sooner."""
        self.browser = browser
        slot = self.current(instance)
        if not slot or not slot.life:
            return
        first = not slot.life.ready
        self._update(instance, quietly=not first, ready=True, endpoint=endpoint, answered=self._clock() - jitter)
        if first:
            self._measure_start(slot, slot.life)

    def _measure_start(self, slot: Slot, life: Life) -> None:
        self._slots[slot.number] = replace(self._slots[slot.number], ended_at=0.0)
        if life.adopted:
            return
        now = self._clock()
        self._metrics.started(now - life.since)
        if slot.ended_at:
            self._metrics.replaced(now - slot.ended_at)
        log.debug("slot %d: ready after %.0f ms", slot.number, (now - life.since) * 1000)

    def trim(self, count: int) -> None:
        """Forget slots from this number on in which nothing is and nothing is under way."""
        gone = [slot.number for slot in self._slots.values() if slot.number >= count and slot.vacant]
        for number in gone:
            del self._slots[number]
        if gone:
            self._changed()

    def end(self, instance: str, cause: EndCause, detail: str, *, wanted: bool = True) -> None:
        """From now on the instance is nobody's; its holder is told."""
        slot = self.current(instance)
        if not slot or not (life := slot.life):
            return
        level = logging.DEBUG if cause is EndCause.STOPPED else logging.WARNING
        log.log(level, "slot %d: generation %d ends, %s: %s", slot.number, life.generation, cause, detail)
        self._metrics.ended(cause)
        self._live(slot.number, replace(life, end=End(cause, detail, wanted), holder=None, session=""))
        if life.ready:
            self._slots[slot.number] = replace(self._slots[slot.number], ended_at=self._clock())
        if life.holder:
            life.holder.ended(instance, cause, detail)
        self._changed()

    # From holders.

    def hold(self, instance: str, session: str, holder: Holder, *, again: bool = False) -> str:
        """Give the instance to the holder, or say whose session it is; "" or why not.

        again: the holder asked for it before, perhaps a former agent.
        """
        if not self.listed:
            return "the agent has just started"
        slot = self.current(instance)
        if not slot or not (life := slot.life):
            return "unknown or ended"
        if refusal := _refusal(life, session, holder, again=again) or self._give(slot.number, life):
            return refusal
        since = life.session_since if session and session == life.session else self._clock()
        self._update(
            instance,
            given=True,
            holder=holder,
            session=session,
            session_since=since,
            had_session=life.had_session or bool(session),
        )
        return ""

    def _give(self, number: int, life: Life) -> str:
        """Note that the life is given out, before anybody is told; "" or why that cannot be done."""
        try:
            if not life.given:
                self._launches.give(number, life.invocation)
        except OSError as error:
            log.warning("slot %d: cannot note that it is given out: %s", number, error)
            return f"the agent cannot note that it is given out: {error}"
        return ""

    def release(self, instance: str, reason: str, holder: Holder) -> None:
        """The holder is done with it."""
        slot = self.current(instance)
        if slot and slot.life and (slot.life.holder is holder or slot.life.orphaned):
            self._update(instance, holder=None)
            self.end(instance, EndCause.STOPPED, f"released: {reason}" if reason else "released")

    def drop(self, holder: Holder) -> None:
        """The holder is gone: whatever it held is to be recycled."""
        for slot in list(self._living()):
            if slot.life and slot.life.holder is holder:
                self.release(slot.life.id, "its holder is gone", holder)

    def _living(self) -> Iterator[Slot]:
        return (slot for slot in self._slots.values() if slot.life and not slot.life.end)

    def _update(self, instance: str, *, quietly: bool = False, **changes: object) -> None:
        slot = self.current(instance)
        if slot and slot.life:
            self._live(slot.number, replace(slot.life, **changes))  # type: ignore[arg-type]
            if not quietly:
                self._changed()

    def _live(self, number: int, life: Life) -> None:
        self._slots[number] = replace(self.slot(number), life=life)


def _refusal(life: Life, session: str, holder: Holder, *, again: bool) -> str:
    if not life.ready and not life.adopted:
        return "not ready"
    if life.holder not in {None, holder}:
        return "held by another"
    if life.orphaned and not again:
        return "given to another before"
    if life.session and session != life.session:
        return "in use by another session"
    return ""
