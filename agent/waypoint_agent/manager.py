"""The interface to the manager of units, with what it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from waypoint_agent.units import UnitState


@dataclass(frozen=True, slots=True)
class Listed:
    """Every browser unit that is loaded, running or not; after each (re-)connection, before any Changed."""

    units: tuple[UnitState, ...]
    version: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A browser unit as it is now."""

    unit: UnitState


@dataclass(frozen=True, slots=True)
class Lost:
    """The manager cannot be followed for now; what was reported may be out of date until the next Listed."""

    reason: str


UnitEvent = Listed | Changed | Lost


class UnitManager(Protocol):
    """Starts and stops the browsers' units. Calls raise UnitError and are never repeated by themselves."""

    async def start(self, slot: int) -> None:
        """Start the slot's unit; returns when its process runs."""

    async def stop(self, slot: int) -> None:
        """Stop the slot's unit; returns when no process of it is left."""

    async def restart(self, slot: int) -> None:
        """Stop the slot's unit and start it anew, as one job; returns when its new process runs."""

    async def follow(self, report: Callable[[UnitEvent], None]) -> None:
        """Report what happens to the browsers' units, for ever; an outage is reported, not raised."""
