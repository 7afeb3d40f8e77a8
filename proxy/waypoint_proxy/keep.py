"""Keeping the reserve full: the loops between registry and reserve."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from waypoint_core.errors import RegistryError
from waypoint_core.registry import Registry
from waypoint_core.settings import ProxySettings
from waypoint_proxy.claim import Claimer
from waypoint_proxy.reserve import Reserve
from waypoint_proxy.route import Outage, Table
from waypoint_proxy.sessions import Holder

_LOOK_AGAIN = 1.0
_BEHIND = 0.005
_RETRY = 0.5
log = logging.getLogger("waypoint.proxy.keep")


class Keeper:
    """Claims for the clients that wait, then up to the target; gives back what has been in stock for too long."""

    def __init__(
        self, settings: ProxySettings, table: Table, reserve: Reserve, claimer: Claimer, holder: Holder
    ) -> None:
        self._settings = settings
        self._table = table
        self._reserve = reserve
        self._claimer = claimer
        self._holder = holder
        self._failing: Outage | None = None
        self._retired = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not self._reserve.wanted:
                # Whoever was just served comes first.
                await asyncio.sleep(_BEHIND)
            self._reserve.changed.clear()
            self._give_back()
            if not (self._short() and await self._claim_one()):
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await self._reserve.changed.wait()

    async def follow(self, registry: Registry, prefix: str, changed: Callable[[], None]) -> None:
        """Fold the registry into the table until cancelled; changed is called after each of its events."""
        async with registry.watch(prefix) as events:
            async for event in events:
                self._table.apply(event)
                if self._table.cordon is not None:
                    self._give_back_all()
                self._reserve.changed.set()
                changed()

    @property
    def target(self) -> int:
        """How many browsers should be in reserve now."""
        return min(self._settings.reserve, self._table.fair_share(len(self._reserve)))

    def explain(self) -> str:
        """Why there is no browser to give."""
        if outage := self._failing or self._table.outage:
            since = datetime.fromtimestamp(outage.since, UTC).strftime("%H:%M:%S UTC")
            return f"the registry is unreachable since {since} and the reserve is used up ({outage.reason})"
        if not self._table.host_alive:
            return "this host's agent is not there"
        if (cordon := self._table.cordon) is not None:
            return f"this host is cordoned: {cordon}"
        return self._table.shortage()

    def _short(self) -> bool:
        if self._table.cordon is not None:
            return False
        return bool(self._reserve.wanted) or len(self._reserve) < self.target

    async def _claim_one(self) -> bool:
        """Whether to go on at once; after a failure there was a pause already."""
        try:
            browser = await self._claimer.claim()
        except RegistryError as error:
            if self._failing is None:
                log.warning("no new claims, %d in reserve: %s", len(self._reserve), error)
                self._failing = Outage(time.time(), str(error))
            await asyncio.sleep(_RETRY * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
            return True
        self._failing = None
        if browser and self._table.cordon is not None:
            browser.close()
            self._holder.release(browser.instance, "the host was cordoned meanwhile")
        elif browser:
            self._reserve.add(browser)
        return browser is not None or self._claimer.more

    def _give_back(self) -> None:
        if self._table.cordon is not None:
            self._give_back_all()
        if self._failing or self._table.outage:
            return  # nothing could replace them
        self._retire()
        for browser in self._reserve.drop_where(self._table.is_closed):
            self._holder.release(browser.instance, "its slot is to go")

    def _retire(self) -> None:
        """Give back the oldest one, if it is unused for too long.

        One at a time, and only while all others are there and nobody waits: a reserve is of one age, as the browsers
        of a host are that was started, and must not go all at once.
        """
        oldest = self._reserve.oldest
        if oldest is None or oldest.since > time.monotonic() - self._settings.reserve_max_age or self._short():
            return
        if self._table.living(self._retired) or not self._table.complete:
            return  # the one before is not replaced yet
        self._retired = oldest.instance
        self._reserve.drop(oldest.instance)
        self._holder.release(oldest.instance, "unused for too long")

    def _give_back_all(self) -> None:
        for browser in self._reserve.clear():
            self._holder.release(browser.instance, "the host is cordoned")
