"""A host's slots as the agent sees them at one moment. Times are monotonic."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from waypoint_core.hold import EndCause


class Holder(Protocol):
    """Whoever may hold instances: a connection of the gateway."""

    def ended(self, instance: str, cause: EndCause, detail: str) -> None:
        """What it held is gone."""


@dataclass(frozen=True, slots=True)
class End:
    """Why a life ends or has ended. wanted: by somebody's decision, so that the slot is not to blame."""

    cause: EndCause
    detail: str
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Life:
    """One browser from its unit's start to its end.

    launched is the environment it was started with, started the same moment as since, in seconds since the epoch;
    given means that it has or had a holder, be it in a former agent's time, and will never have another; leaving means
    that systemd is already clearing it away.
    """

    id: str
    invocation: str
    generation: int
    since: float
    started: float = 0.0
    launched: str = ""
    adopted: bool = False
    running: bool = False
    ready: bool = False
    endpoint: str = ""
    probing: bool = False
    answered: float = 0.0
    given: bool = False
    holder: Holder | None = None
    session: str = ""
    session_since: float = 0.0
    had_session: bool = False
    end: End | None = None
    leaving: bool = False

    @property
    def orphaned(self) -> bool:
        """Whether it was given out before this agent's time, and whoever has it has not said so yet."""
        return self.given and self.holder is None and not self.end


class Doing(StrEnum):
    """What the agent has under way for a slot."""

    NOTHING = "nothing"
    STARTING = "starting"
    STOPPING = "stopping"
    RESTARTING = "restarting"
    WITHDRAWING = "withdrawing"


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one browser.

    failures in a row pause it until retry_at, failure says what the last one was. Until quiet_until nothing is
    tried again that was refused. ended_at: when it lost a ready browser that has not been replaced yet; 0: it did not.
    doing_since: when what is under way was begun.
    """

    number: int
    life: Life | None = None
    doing: Doing = Doing.NOTHING
    doing_since: float = 0.0
    failures: int = 0
    failure: str = ""
    last_id: str = ""
    retry_at: float = 0.0
    quiet_until: float = 0.0
    ended_at: float = 0.0

    @property
    def starting(self) -> bool:
        """A life is about to begin in it, or has begun and is not ready yet."""
        under_way = self.doing in {Doing.STARTING, Doing.RESTARTING}
        return under_way or (self.life is not None and not self.life.ready and not self.life.end)

    @property
    def vacant(self) -> bool:
        """Nothing is in it, and nothing is under way for it."""
        return self.life is None and self.doing is Doing.NOTHING
