"""A backend that is the desktop of a session's browser: what is asked of it is done by its hands, on its own screen."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from tzafonwright import actions
from tzafonwright.connection import Connection
from tzafonwright.errors import ActionFailed, ActionTimeout, Code, ConnectionLost, SessionLost
from tzafonwright.server.backend import Given, Say
from tzafonwright.server.browser import BROWSER_GONE
from tzafonwright.server.line import Line
from tzafonwright.server.refused import End, Refused, SessionOver

_OPEN = 3.0
_NEWS = 1.0
_ANEW = "switch_context('desktop') connects to it again"


class Desktop:
    """Has one spot, the screen. gone is set when its browser is, and the desktop with it."""

    def __init__(self, address: str, instance: str, gone: asyncio.Event) -> None:
        # Only who knows the life that is meant is let in: see `desktop.daemon`.
        self._url = f"ws://{address}/{instance.rpartition('_')[2]}"
        self._gone = gone
        self._hands: Connection | None = None
        self.line = Line()

    def at_once(self, action: actions.Action) -> bool:
        """See Backend."""
        return False

    def chooses(self, action: actions.Action) -> bool:
        """See Backend."""
        return False

    async def spot(self) -> Desktop:
        """See Backend. Refused when the desktop does not answer."""
        if self._hands is None:
            try:
                self._hands = await Connection.open(self._url, _OPEN)
            except ConnectionLost as error:
                raise Refused(Code.FAILED, "its desktop does not answer", _ANEW) from error
        return self

    async def do(self, action: actions.Action, spot: Any, deadline: float, payload: bytes, say: Say) -> Given:
        """See Backend. SessionOver when the desktop is gone, and the browser with it."""
        if self._hands is None:
            raise Refused(Code.FAILED, "its desktop closed the connection", _ANEW)
        seconds = deadline - asyncio.get_running_loop().time()
        try:
            value = await self._hands.do(action, max(seconds, 0.001), payload)
        except ActionTimeout:
            raise Refused(Code.TIMEOUT, f"not done within {seconds:.3g} s") from None
        except ActionFailed as error:
            raise Refused(_code(error), _words(error, action), error.hint) from error
        except SessionLost as error:
            raise await self._lost() from error
        return Given(payload=value) if isinstance(value, bytes) else Given(value)

    async def close(self) -> None:
        """Let go of it."""
        if self._hands:
            await self._hands.close()

    async def _lost(self) -> Refused | SessionOver:
        """Whether not only its connection is gone; the news of that may come a moment later."""
        self._hands = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NEWS):
                await self._gone.wait()
        if self._gone.is_set():
            return SessionOver(1011, BROWSER_GONE, End.BROWSER_GONE)
        return Refused(Code.FAILED, "its desktop closed the connection", _ANEW)


def _code(error: ActionFailed) -> Code:
    try:
        return Code(error.code)
    except ValueError:
        return Code.FAILED


def _words(error: ActionFailed, action: actions.Action) -> str:
    """What the hands said, without what the client puts before and after it."""
    return str(error).removeprefix(f"cannot {action.name}: ").removesuffix(f"; {error.hint}")
