"""What agents and proxies tell the control plane on request: JSON, one object a line. Times are since the epoch.

Of a proxy: GET /sessions, one `SessionReport` a line; those that ended lately have `ended`.
Of an agent: GET /journal?unit=UNIT&lines=N[&follow=1], one `JournalReport` a line, with follow until one side leaves.
"""

from __future__ import annotations

from dataclasses import dataclass

SESSIONS = "/sessions"
JOURNAL = "/journal"


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One session, named by its instance; ended 0: it lasts. client is the first connection's address, host:port."""

    instance: str
    kind: str
    client: str = ""
    since: float = 0.0
    ended: float = 0.0
    end_reason: str = ""
    bytes_from_client: int = 0
    bytes_to_client: int = 0
    connections: int = 0


@dataclass(frozen=True, slots=True)
class JournalReport:
    """One line of a unit's journal; priority as syslog(3) numbers it."""

    at: float
    unit: str
    priority: int
    message: str
