"""A backend whose actions are counted and timed."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.backend import Backend, Given, Say, Spot
from tzafonwright.server.metrics import Metrics
from tzafonwright.server.refused import Refused


class Measured:
    """Does what the backend below it does."""

    def __init__(self, backend: Backend, metrics: Metrics) -> None:
        self._backend = backend
        self._metrics = metrics

    def at_once(self, action: actions.Action) -> bool:
        """See Backend."""
        return self._backend.at_once(action)

    def chooses(self, action: actions.Action) -> bool:
        """See Backend."""
        return self._backend.chooses(action)

    async def spot(self) -> Spot:
        """See Backend."""
        return await self._backend.spot()

    async def do(self, action: actions.Action, spot: Any, deadline: float, payload: bytes, say: Say) -> Given:
        """See Backend."""
        began, result = time.monotonic(), "session_over"
        try:
            given = await self._backend.do(action, spot, deadline, payload, say)
            result = "ok"
        except Refused as refused:
            result = refused.code.value
            raise
        except asyncio.CancelledError:
            result = Code.CANCELLED.value
            raise
        finally:
            self._metrics.action(action.name, result, time.monotonic() - began)
        return given
