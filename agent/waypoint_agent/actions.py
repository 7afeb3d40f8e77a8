"""What the reconciler can decide, each with its named reason."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from waypoint_core.hold import EndCause


class Reason(enum.StrEnum):
    """Why something is done."""

    VACANT = "a slot is vacant"
    STARTED = "a browser has been started"
    IDLE = "an idle browser has not been asked for a while"
    ENDED = "its life is over"
    SURPLUS = "the host is to have fewer slots"
    OUTDATED = "it was started with other settings"
    AGE = "it has grown old"
    START_TIMEOUT = "it did not become ready in time"
    SESSION_LIMIT = "its session lasted as long as a session may"
    KILL_REQUESTED = "somebody asked for it"
    VOID_CLAIM = "its claim is held by nobody"
    ORPHANED = "whoever it was given to is gone"
    UNKNOWN_INSTANCE = "there is no such instance any more"


@dataclass(frozen=True, slots=True)
class Start:
    """Start the slot's unit."""

    slot: int
    reason: Reason = Reason.VACANT


@dataclass(frozen=True, slots=True)
class Stop:
    """End the life, tell its holder, stop the unit.

    wanted: the slot is not to blame. restart: the slot's next life starts with the same job, which costs systemd half
    of what two jobs do.
    """

    slot: int
    id: str
    reason: Reason
    cause: EndCause = EndCause.STOPPED
    detail: str = ""
    wanted: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take an instance out of the registry, if it still is unclaimed; then end the life and stop the unit."""

    slot: int
    id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Await:
    """Probe until the browser is ready or its life is over."""

    slot: int
    id: str
    reason: Reason = Reason.STARTED


@dataclass(frozen=True, slots=True)
class Check:
    """Probe once; no answer means that it hangs."""

    slot: int
    id: str
    reason: Reason = Reason.IDLE


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete the keys that name an instance which is gone: kill requests and claims."""

    ids: tuple[str, ...]
    reason: Reason = Reason.UNKNOWN_INSTANCE


Action = Start | Stop | Withdraw | Await | Check | Forget
