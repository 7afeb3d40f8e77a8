"""Clients that wait for a browser, and what they are told when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Container
from http import HTTPStatus

from waypoint_proxy.handshake import Refusal
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.reserve import Browser, Reserve

_RETRY_AFTER = 5


class Queue:
    """The reserve as clients see it; explain says why there is no browser."""

    def __init__(self, reserve: Reserve, explain: Callable[[], str], metrics: Metrics) -> None:
        self._reserve = reserve
        self._explain = explain
        self._metrics = metrics

    async def take(self) -> Browser:
        """A browser for the caller alone."""
        began = time.monotonic()
        try:
            return await self._reserve.take()
        finally:
            self._metrics.waited(time.monotonic() - began)

    async def look(self, besides: Container[str] = ()) -> Browser:
        """A browser in stock that is none of these instances, without taking it."""
        return await self._reserve.look(besides)

    @contextlib.asynccontextmanager
    async def deadline(self, timeout: float) -> AsyncIterator[None]:
        """Refusal when the block takes longer than this."""
        try:
            async with asyncio.timeout(timeout):
                yield
        except TimeoutError:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"cannot give a browser within {timeout:g} s: {self._explain()}",
                retry_after=_RETRY_AFTER,
            ) from None
