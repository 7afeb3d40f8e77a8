"""The loop that fills the reserve, and what it gives back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from unit.proxy.parts import KEYS, READY, Agent, claimer_of, populated, read
from waypoint_core.codec import encode
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import Claim
from waypoint_core.registry import Condition, Delete, Operation, Outcome, Put
from waypoint_core.settings import ProxySettings
from waypoint_proxy import keep
from waypoint_proxy.keep import Keeper
from waypoint_proxy.reserve import Browser, Reserve
from waypoint_proxy.route import Table


class Contested(MemoryRegistry):
    """Another proxy is quicker, this many times."""

    rivals = 0

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        if self.rivals and isinstance(then[0], Put):
            self.rivals -= 1
            await self.put(then[0].key, encode(Claim(proxy="p2", request="theirs")))
        return await super().transact(conditions, then, otherwise)


class Refusing(Agent):
    """Refuses this many times."""

    refusals = 0

    async def hold(self, instance: str) -> None:
        self.refusing, self.refusals = self.refusals > 0, self.refusals - 1
        await super().hold(instance)


class Watched(Reserve):
    """Tells when the keeper looks what to give back."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = asyncio.Event()

    @property
    def oldest(self) -> Browser | None:
        self._looked.set()
        return super().oldest

    async def is_looked_at(self) -> None:
        """Returns once the keeper has decided about what is there now."""
        self._looked.clear()
        self.changed.set()
        await self._looked.wait()


class Host(Agent):
    """Deletes what is released, and replaces it when told to; remembers how many were left in the reserve then."""

    def __init__(self, registry: MemoryRegistry, reserve: Reserve) -> None:
        super().__init__()
        self.left: list[int] = []
        self.released: asyncio.Queue[str] = asyncio.Queue()
        self._registry = registry
        self._reserve = reserve

    def release(self, instance: str, reason: str) -> None:
        super().release(instance, reason)
        self.left.append(len(self._reserve))
        self.released.put_nowait(instance)

    async def end(self, instance: str) -> None:
        ended = [Delete(KEYS.instance("here", instance)), Delete(KEYS.claim(instance))]
        await self._registry.transact([], ended)

    async def start(self, instance: str) -> None:
        await self._registry.put(KEYS.instance("here", instance), encode(READY))


@asynccontextmanager
async def kept(
    registry: MemoryRegistry, table: Table, reserve: Reserve, agent: Agent, *, follow: bool = False, **chosen: float
) -> AsyncIterator[None]:
    """A running keeper, which tells the table what happens in the registry if it is to follow it."""
    keeper = Keeper(ProxySettings(name="p1", **chosen), table, reserve, claimer_of(registry, table, agent), agent)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        loops = [keeper.run(), *([keeper.follow(registry, KEYS.prefix, lambda: None)] if follow else [])]
        tasks = [group.create_task(loop) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            reserve.clear()


async def stocked(reserve: Reserve, count: int) -> None:
    """Returns once so many are in stock."""
    seen: set[str] = set()
    while len(seen) < count:
        seen.add((await reserve.look(seen)).instance)


@pytest.mark.parametrize(("rivals", "refusals"), [(3, 0), (0, 3)])
async def test_who_comes_too_late_for_one_goes_on_at_once(
    monkeypatch: pytest.MonkeyPatch, rivals: int, refusals: int
) -> None:
    """Though the table is told of nothing meanwhile."""
    monkeypatch.setattr(keep, "_LOOK_AGAIN", 60.0)
    registry, reserve, agent = Contested(), Reserve(), Refusing()
    table = await populated(registry, *"abcd")
    registry.rivals, agent.refusals = rivals, refusals
    async with kept(registry, table, reserve, agent):
        browser = await reserve.take()
        browser.close()
        assert agent.held == [browser.instance]


async def test_reserve_of_one_age_is_replaced_one_by_one() -> None:
    """Each goes only when the one before is gone, and has been replaced."""
    registry, reserve = MemoryRegistry(), Watched()
    host = Host(registry, reserve)
    table = await populated(registry, *"abcd")
    async with kept(registry, table, reserve, host, follow=True, reserve_max_age=0.001):
        for turn in range(8):
            old = await host.released.get()
            await reserve.is_looked_at()
            await host.end(old)
            await reserve.is_looked_at()
            await host.start(f"replacement-{turn}")
    assert set(host.left) == {3}


async def test_nothing_is_given_back_for_its_age_while_a_slot_is_without_browser() -> None:
    registry, reserve = MemoryRegistry(), Watched()
    host = Host(registry, reserve)
    table = await populated(registry, *"abc")  # of four slots
    async with kept(registry, table, reserve, host, follow=True, reserve_max_age=0.001):
        await stocked(reserve, 3)
        await reserve.is_looked_at()
        assert host.left == []
        await host.start("d")
        await host.released.get()
    assert host.left == [3]


async def test_nothing_is_given_back_for_its_age_while_somebody_waits() -> None:
    registry, reserve = MemoryRegistry(), Watched()
    host = Host(registry, reserve)
    table = await populated(registry, *"abcd")
    for name in "abcd":
        await registry.put(KEYS.claim(name), encode(Claim(proxy="p1", request="ours")))
        await host.hold(name)
        reserve.add(Browser(name, "ws://b", time.monotonic() - 100))
    await read(registry, table)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(reserve.look("abcd"))  # for another one
        async with kept(registry, table, reserve, host, reserve_max_age=60.0):
            await reserve.is_looked_at()
            assert reserve.wanted
            assert host.left == []
            waiting.cancel()
            await reserve.is_looked_at()
            assert await host.released.get() == "a"
