"""A change of the registry in the making, from what the fleet's tables show: one transaction. No I/O."""

from __future__ import annotations

import dataclasses
from typing import Any

from waypoint_controlplane.fleet import Fleet
from waypoint_core.codec import encode
from waypoint_core.keys import host_of
from waypoint_core.model import Instance
from waypoint_core.registry import Absent, Condition, Present, Put, Unchanged


class Draft:
    """Conditions and writes, at most one a key. at: the time that its records bear."""

    def __init__(self, fleet: Fleet, at: float) -> None:
        self.fleet = fleet
        self.keys = fleet.keys
        self.at = at
        self._conditions: dict[str, Condition] = {}
        self._records: dict[str, tuple[Any, int]] = {}

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """What must still hold."""
        return tuple(self._conditions.values())

    @property
    def puts(self) -> tuple[Put, ...]:
        """What is written, in the order in which it was drafted."""
        return tuple(Put(key, encode(record), lease) for key, (record, lease) in self._records.items())

    def require(self, condition: Condition) -> None:
        """Ask for this too; the stricter one of two for the same key stays."""
        if not isinstance(self._conditions.get(condition.key), Unchanged | Absent):
            self._conditions[condition.key] = condition

    def put(self, key: str, record: Any, lease: int = 0) -> None:
        """Write this."""
        self._records[key] = record, lease

    def require_living(self, instance: str) -> None:
        """It is known, and nobody has asked for its end."""
        home = host_of(instance)
        self.require(Present(self.keys.instance(home, instance)))
        self.require(Absent(self.keys.desired_instance(home, instance)))

    def rewrite(self, instance: str, **changes: Any) -> None:
        """Change attributes of a record that is in the tables."""
        row = self.fleet.instances[instance]
        record = self._records[row.key][0] if row.key in self._records else row.record
        if dataclasses.replace(record, **changes) != record:
            self.require_unchanged(instance)
            self.put(row.key, dataclasses.replace(record, **changes))

    def require_unchanged(self, instance: str) -> Instance:
        """Its record is as the tables show it; returns that."""
        row = self.fleet.instances[instance]
        self._conditions[row.key] = Unchanged(row.key, row.revision)
        return row.record
