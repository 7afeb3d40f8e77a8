"""This proxy's own key: what happens to it, and what the proxy makes of that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from waypoint_core import announce
from waypoint_core.announce import Announcement
from waypoint_core.codec import encode
from waypoint_core.memory import MemoryLease, MemoryRegistry
from waypoint_core.model import ProxyAlive
from waypoint_core.registry import Entry, WatchEvent, Written

KEY = "/waypoint/v1/proxies/p"
ALIVE = ProxyAlive(epoch="e", host="p")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announce, "_RETRY", 0.001)
    monkeypatch.setattr(announce, "_MEND_PAUSE", 0.001)


@pytest.fixture
async def registry() -> AsyncIterator[MemoryRegistry]:
    registry = MemoryRegistry()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(Announcement(registry, KEY, ALIVE, 20).run())
        yield registry
        running.cancel()


async def announced(registry: MemoryRegistry, *, after: int = 0) -> Entry:
    """The right entry, once it is there at a later revision."""
    async with asyncio.timeout(60), MemoryRegistry.watch(registry, KEY) as events:
        async for event in events:
            if isinstance(event, Written) and event.entry.value == encode(ALIVE) and event.entry.mod_revision > after:
                return event.entry
    raise AssertionError("a watch does not end")


async def test_it_is_written_under_a_lease(registry: MemoryRegistry) -> None:
    assert (await announced(registry)).lease


@pytest.mark.parametrize("broken", [b"", b"{", encode(ProxyAlive(epoch="other"))])
async def test_what_others_write_over_it_is_written_again(registry: MemoryRegistry, broken: bytes) -> None:
    first = await announced(registry)
    await registry.put(KEY, broken)
    again = await announced(registry, after=first.mod_revision)
    assert again.lease == first.lease


async def test_the_right_value_off_its_lease_is_put_back_under_it(registry: MemoryRegistry) -> None:
    first = await announced(registry)
    foreign = await registry.put(KEY, encode(ALIVE))
    assert (await announced(registry, after=foreign)).lease == first.lease


async def test_what_others_remove_is_written_again(registry: MemoryRegistry) -> None:
    first = await announced(registry)
    await registry.delete(KEY)
    assert (await announced(registry, after=first.mod_revision)).lease == first.lease


async def test_a_lease_of_whose_loss_the_put_tells_first_is_replaced_at_once(
    registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who renews a lease learns of its end seconds later."""
    monkeypatch.setattr(announce, "_RETRY", 60)
    monkeypatch.setattr(MemoryLease, "lost", property(lambda _: asyncio.Event()))
    first = await announced(registry)
    registry.expire(first.lease)
    assert (await announced(registry, after=first.mod_revision)).lease not in {0, first.lease}


async def test_what_is_gone_before_it_is_watched_is_written_again() -> None:
    class Late(MemoryRegistry):
        @asynccontextmanager
        async def watch(self, prefix: str) -> AsyncIterator[AsyncIterator[WatchEvent]]:
            self.expire((await announced(self)).lease)
            async with super().watch(prefix) as events:
                yield events

    registry = Late()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(Announcement(registry, KEY, ALIVE, 20).run())
        first = await announced(registry)
        await announced(registry, after=first.mod_revision)
        running.cancel()


async def test_a_neighbour_with_a_longer_name_is_its_own_affair(
    registry: MemoryRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    first = await announced(registry)
    await registry.put(KEY + "2", b"{")
    await registry.delete(KEY)  # it hears of this after that
    await announced(registry, after=first.mod_revision)
    assert caplog.text.count("is not what this daemon wrote") == 1
    neighbour = await registry.get(KEY + "2")
    assert neighbour is not None
    assert neighbour.value == b"{"


async def test_it_goes_with_the_proxy() -> None:
    registry = MemoryRegistry()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(Announcement(registry, KEY, ALIVE, 20).run())
        await announced(registry)
        running.cancel()
    assert await registry.get(KEY) is None
