"""What a session does its actions on: a browser, or the desktop around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from tzafonwright import actions
from tzafonwright.server.line import Line

Say = Callable[[str, int, "int | None"], Awaitable[None]]
"""Progress: stage, bytes done, bytes in total."""
Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs something in the background, within the session."""


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
