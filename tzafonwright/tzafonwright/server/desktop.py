"""A backend that is the desktop of a session's browser: what is asked of it is done by its hands, on its own screen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tzafonwright import actions
from tzafonwright.connection import Connection
from tzafonwright.errors import ActionFailed, ActionTimeout, Code, ConnectionLost, SessionLost
from tzafonwright.server.backend import Given, Say
from tzafonwright.server.browser import BROWSER_GONE
from tzafonwright.server.line import Line
from tzafonwright.server.refused import End, Refused, SessionOver

_OPEN = 3.0


class Desktop:
    """Has one spot, the screen."""

    def __init__(self, hands: Connection) -> None:
        self._hands = hands
        self.line = Line()

    def at_once(self, action: actions.Action) -> bool:
        """See Backend."""
        return False

    def chooses(self, action: actions.Action) -> bool:
        """See Backend."""
        return False

    async def spot(self) -> Desktop:
        """See Backend."""
        return self

    async def do(self, action: actions.Action, spot: Any, deadline: float, payload: bytes, say: Say) -> Given:
        """See Backend. SessionOver when the desktop is gone, and the browser with it."""
        seconds = deadline - asyncio.get_running_loop().time()
        try:
            value = await self._hands.do(action, max(seconds, 0.001), payload)
        except ActionTimeout:
            raise Refused(Code.TIMEOUT, f"not done within {seconds:.3g} s") from None
        except ActionFailed as error:
            raise Refused(Code(error.code), _words(error, action), error.hint) from error
        except SessionLost as error:
            raise SessionOver(1011, BROWSER_GONE, End.BROWSER_GONE) from error
        return Given(payload=value) if isinstance(value, bytes) else Given(value)


@contextlib.asynccontextmanager
async def reached(address: str, instance: str) -> AsyncIterator[Desktop]:
    """The desktop whose hands answer there, if it is this instance's. Refused when it is not."""
    try:
        hands = await Connection.open(f"ws://{address}/{instance.rpartition('_')[2]}", _OPEN)
    except ConnectionLost as error:
        raise Refused(Code.FAILED, f"its desktop does not answer: {error}") from error
    try:
        yield Desktop(hands)
    finally:
        await hands.close()


def _words(error: ActionFailed, action: actions.Action) -> str:
    """What the hands said, without what the client puts before and after it."""
    return str(error).removeprefix(f"cannot {action.name}: ").removesuffix(f"; {error.hint}")
