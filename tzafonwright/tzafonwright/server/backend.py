"""What a session does its actions on: a browser today; a desktop would be another of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tzafonwright import actions
from tzafonwright.server.downloads import Say
from tzafonwright.server.line import Line


@dataclass(frozen=True)
class Given:
    """What an action gave: a value that can be JSON, or bytes."""

    value: Any = None
    payload: bytes = b""


class Spot(Protocol):
    """Where an action is done, such as a tab; who wants to do something there stands in its line."""

    @property
    def line(self) -> Line:
        """Its line."""


class Backend(Protocol):
    """Raises Refused where it cannot do what it is asked."""

    def at_once(self, action: actions.Action) -> bool:
        """Whether the action waits for no other."""

    def chooses(self, action: actions.Action) -> bool:
        """Whether the action decides on what those after it are done, so that they wait for it."""

    async def spot(self) -> Spot:
        """Where actions are done that come now."""

    async def do(self, action: actions.Action, spot: Any, deadline: float, payload: bytes, say: Say) -> Given:
        """Do it there, or at the spot of the moment, until the deadline, of the loop's clock."""
