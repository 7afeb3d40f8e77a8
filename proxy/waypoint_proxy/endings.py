"""How sessions end: what the client is told, and the closed set of ways that metrics count."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from waypoint_core.hold import EndCause, Ended


class End(enum.StrEnum):
    """One way for a session to end; the second part are the causes that the agent names."""

    CLIENT_LEFT = "client_left"
    CLIENT_SILENT = "client_silent"
    CLIENT_NEVER_CAME = "client_never_came"
    BROWSER_CLOSED = "browser_closed"
    SERVER_ENDED = "server_ended"
    CLAIM_WITHDRAWN = "claim_withdrawn"
    PROXY_STOPPING = "proxy_stopping"

    CRASHED = "crashed"
    KILLED = "killed"
    OUT_OF_MEMORY = "out_of_memory"
    EXITED = "exited"
    HUNG = "hung"
    SESSION_LIMIT = "session_limit"
    KILL_REQUESTED = "kill_requested"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended, as its client is told: a WebSocket close code and a reason."""

    code: int
    reason: str
    end: End


LEFT = Ending(1000, "client left", End.CLIENT_LEFT)
NOT_BACK = Ending(1001, "client did not come back", End.CLIENT_LEFT)
NEVER_CAME = Ending(1001, "no client came in time", End.CLIENT_NEVER_CAME)
LOST = Ending(1011, "browser closed the connection", End.BROWSER_CLOSED)
SERVER_LOST = Ending(1011, "server closed the connection", End.SERVER_ENDED)
STOPPING = Ending(1001, "proxy is stopping", End.PROXY_STOPPING)
WITHDRAWN = Ending(1001, "its claim was withdrawn", End.CLAIM_WITHDRAWN)

_CODES = {
    EndCause.EXITED: 1000,
    EndCause.STOPPED: 1001,
    EndCause.SESSION_LIMIT: 1008,
    EndCause.KILL_REQUESTED: 1008,
}
_INTERNAL_ERROR = 1011


def ending_of(ended: Ended) -> Ending:
    """What the client of an instance that ended is told; a browser that its client closed is no error."""
    code = _CODES.get(ended.cause, _INTERNAL_ERROR)
    what = f"browser {ended.cause.replace('_', ' ')}"
    return Ending(code, f"{what}: {ended.detail}" if ended.detail else what, End(ended.cause.value))
