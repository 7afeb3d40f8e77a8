"""What a host's agent and gateway say to each other, sans-I/O: one JSON object a line on a local stream socket.

A gateway *holds* an instance from its claim until its session has ended. The agent gives each instance to one
holder at most, once; it recycles what is released, and everything that a holder held when its connection ends,
for whatever reason. Sessions therefore start and end without the registry. An agent that has just started knows what
was given before its time, and gives it to nobody anew: gateways tell it again what they hold, and what they released.
Messages are taken in order: an answer to a hold says that what was released before it has been heard.

gateway to agent                                agent to gateway
    hold     give me this instance; session         held      it is yours
             is "" while nobody uses it yet;        refused   it is not: unknown, ended, given before, another's
             said when a session starts, too;       ended     it is gone, and why; nothing to release any more
             again: I asked for it already
    release  I am done with it
"""

from __future__ import annotations

import enum

import msgspec

from waypoint_core import lines
from waypoint_core.errors import HoldError


class EndCause(enum.StrEnum):
    """Why an instance ended; goes into the close reason that a client reads."""

    CRASHED = "crashed"
    KILLED = "killed"
    OUT_OF_MEMORY = "out_of_memory"
    EXITED = "exited"
    HUNG = "hung"
    SESSION_LIMIT = "session_limit"
    KILL_REQUESTED = "kill_requested"
    STOPPED = "stopped"


class _Message(msgspec.Struct, frozen=True, tag_field="is", tag=str.lower, forbid_unknown_fields=False):
    instance: str


class Hold(_Message, frozen=True):
    """Asks for an instance, or says which session now uses it; again, after a connection was lost."""

    session: str = ""
    again: bool = False


class Release(_Message, frozen=True):
    """Gives an instance back; it will be recycled."""

    reason: str = ""


class Held(_Message, frozen=True):
    """Answers Hold: the instance is the asker's."""


class Refused(_Message, frozen=True):
    """Answers Hold: it is not."""

    reason: str = ""


class Ended(_Message, frozen=True):
    """Tells a holder that its instance is gone."""

    cause: EndCause
    detail: str = ""


Message = Hold | Release | Held | Refused | Ended


def encode(message: Message) -> bytes:
    """One line, newline included."""
    return msgspec.json.encode(message) + b"\n"


class Lines(lines.Lines[Message]):
    """Bytes in, messages out. HoldError when a line is too long or not a message."""

    def __init__(self) -> None:
        super().__init__(Message, "hold message", HoldError)
