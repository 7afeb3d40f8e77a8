"""What a leader has observed beside the fleet's tables. Times are monotonic seconds, of this leader's own clock.

A leader that took over has observed nothing before: every span below starts anew with it, so that a change of leader
makes remediation later, never earlier. So it does after an outage of the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """What the latest probe of a suspect host found, and when it ended."""

    answered: bool
    at: float


@dataclass(frozen=True, slots=True)
class Observed:
    """One moment. wall: the same moment in seconds since the epoch, for records that people read.

    since: when each of these was first seen as it is and has been so ever since: `lost HOST` without its lease, known
    or only named by a key, `back HOST` with it, `stale ID` a registered instance without heartbeat, `missing ID` an
    end of a bond that the registry does not hold, `dead ID` the tombstone of a registered instance. probes: since the
    host became suspect; probing: the hosts that are being asked. evicted_at: when a host was last declared gone.
    """

    now: float
    wall: float
    since: Mapping[str, float] = field(default_factory=dict)
    probes: Mapping[str, Answer] = field(default_factory=dict)
    probing: frozenset[str] = frozenset()
    evicted_at: float = float("-inf")

    def span(self, what: str, name: str) -> float:
        """For how many seconds `what` has been so of `name`; 0 if it is not."""
        began = self.since.get(f"{what} {name}")
        return 0.0 if began is None else self.now - began
