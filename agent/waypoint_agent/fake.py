"""A unit manager in memory, for tests; the handles let a test break things."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

from waypoint_agent.manager import Changed, Listed, Lost, UnitEvent
from waypoint_agent.units import Active, Exit, UnitState, unit_name
from waypoint_core.errors import UnitError


class FakeManager:
    """A UnitManager whose jobs are done at once. calls are the jobs asked for, done those that were carried out."""

    def __init__(self, running: Iterable[UnitState] = ()) -> None:
        self.units = {unit.slot: unit for unit in running}
        self.calls: list[tuple[str, int]] = []
        self.done: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        self.refuse: set[str] = set()
        self._report: Callable[[UnitEvent], None] | None = None
        self._invocations = itertools.count(1)

    async def start(self, slot: int) -> None:
        """Start it, under a new invocation."""
        self._job("start", slot)
        self._begin(slot)
        self.done.put_nowait(("start", slot))

    async def stop(self, slot: int) -> None:
        """Stop it the way the shipped unit does."""
        self._job("stop", slot)
        self._end(slot)
        self.done.put_nowait(("stop", slot))

    async def restart(self, slot: int) -> None:
        """Stop it, then start it; a refused start is the half of it that fails."""
        self._job("restart", slot)
        self._end(slot)
        self._check("start", slot)
        self._begin(slot)
        self.done.put_nowait(("restart", slot))

    async def follow(self, report: Callable[[UnitEvent], None]) -> None:
        """Report for ever."""
        self._report = report
        self.list()
        await asyncio.Event().wait()

    def list(self) -> None:
        """Connect: report every unit."""
        self._tell(Listed(tuple(self.units.values()), "fake"))

    def lose(self) -> None:
        """Disconnect."""
        self._tell(Lost("fake"))

    def crash(self, slot: int, signal: int = 9) -> None:
        """The unit's main process is killed by somebody."""
        unit = replace(self.units[slot], exit=Exit.KILLED, status=signal)
        self.put(replace(unit, active=Active.DEACTIVATING))
        self.put(replace(unit, active=Active.INACTIVE))

    def put(self, unit: UnitState) -> None:
        """The unit is like this from now on."""
        self.units[unit.slot] = unit
        self._tell(Changed(unit))

    def _begin(self, slot: int) -> None:
        number = next(self._invocations)
        fresh = UnitState(slot, Active.ACTIVATING, f"{number:032x}", since=float(number))
        self.put(fresh)
        self.put(replace(fresh, active=Active.ACTIVE))

    def _end(self, slot: int) -> None:
        unit = self.units[slot]
        self.put(replace(unit, active=Active.DEACTIVATING))
        self.put(replace(unit, active=Active.INACTIVE, exit=Exit.KILLED, status=9))

    def _job(self, verb: str, slot: int) -> None:
        self.calls.append((verb, slot))
        self._check(verb, slot)

    def _check(self, verb: str, slot: int) -> None:
        if verb in self.refuse:
            raise UnitError(f"cannot {verb} {unit_name(slot)}: refused")

    def _tell(self, event: UnitEvent) -> None:
        if self._report:
            self._report(event)
