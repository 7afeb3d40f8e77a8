"""One turn of deciding: what is known goes along from rule to rule, and gathers what they decide."""

from __future__ import annotations

import math
from typing import Any

from waypoint_controlplane.decide.decisions import REMEDIATION, Decision, Kill
from waypoint_controlplane.decide.observed import Observed
from waypoint_controlplane.fleet import Fleet, Row
from waypoint_core.keys import host_of
from waypoint_core.model import KillKind
from waypoint_core.registry import Absent, Condition
from waypoint_core.settings import ControlPlaneSettings


class Turn:
    """What the rules share. frozen: nothing may follow from a host's loss or an instance's staleness.

    again_at: the earliest time (monotonic) when time alone would change something; infinite: never.
    """

    def __init__(self, settings: ControlPlaneSettings, fleet: Fleet, seen: Observed) -> None:
        self.settings = settings
        self.fleet = fleet
        self.seen = seen
        self.frozen = False
        self.decisions: list[Decision] = []
        self.again_at = math.inf
        self._killed: set[str] = set()

    def decide(self, decision: Decision) -> None:
        """One more."""
        self.decisions.append(decision)

    def kill(
        self,
        instance: str,
        kind: KillKind,
        reason: str,
        given: tuple[Condition, ...],
        *,
        by: str = REMEDIATION,
        bond: tuple[str, str, int] | None = None,
    ) -> None:
        """Decide that an instance ends; of two kills the first counts, since each rule would be enough."""
        if instance not in self._killed:
            self._killed.add(instance)
            revision = self.revision(self.kill_key(instance), self.fleet.kills.get(instance))
            self.decide(Kill(instance, kind, reason, revision, by, bond, given))

    def wake(self, at: float) -> None:
        """Decide again at this time, on the monotonic clock."""
        self.again_at = min(self.again_at, at)

    def lasted(self, what: str, name: str, seconds: float) -> bool:
        """Whether this has been so for so long; if not, the turn comes again when it has."""
        began = self.seen.since.get(f"{what} {name}", self.seen.now)
        return self.passed(began + seconds)

    def passed(self, at: float) -> bool:
        """Whether this time has come; if not, the turn comes again then."""
        if self.seen.now < at:
            self.wake(at)
        return self.seen.now >= at

    def passed_on_the_wall(self, at: float) -> bool:
        """The same for a time since the epoch."""
        return self.passed(self.seen.now + (at - self.seen.wall))

    def revision(self, key: str, row: Row[Any] | None) -> int:
        """Where a key stands that this row, if any, was read from; 0: there is none."""
        if row is not None:
            return row.revision
        broken = self.fleet.broken.get(key)
        return broken.mod_revision if broken else 0

    def instance_key(self, instance: str) -> str:
        """`inst/<h>/<id>`."""
        return self.fleet.keys.instance(host_of(instance), instance)

    def kill_key(self, instance: str) -> str:
        """`desired/inst/<h>/<id>`."""
        return self.fleet.keys.desired_instance(host_of(instance), instance)

    def is_there(self, host: str) -> bool:
        """Whether the host has its lease; a key that cannot be read will be written again by its agent."""
        return host in self.fleet.alive or self.fleet.keys.host_alive(host) in self.fleet.broken

    def without_lease(self, host: str) -> Condition:
        """That the host is not alive."""
        return Absent(self.fleet.keys.host_alive(host))
