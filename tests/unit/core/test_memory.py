"""What the fake offers beyond the contract that it shares with etcd (tests/functional/etcd/test_conformance.py)."""

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from waypoint_core.errors import LeaseLost, RegistryUnavailable
from waypoint_core.memory import MemoryRegistry
from waypoint_core.registry import Removed, Stale, Synced, WatchEvent, Written


async def told(events: object, count: int) -> list[WatchEvent]:
    async with asyncio.timeout(60):
        return [await anext(events) for _ in range(count)]  # type: ignore[call-overload]


async def test_events_of_an_outage_are_held_back_and_delivered_at_its_end() -> None:
    registry = MemoryRegistry()
    lease = await registry.lease(20)
    await registry.put("/a", b"", lease=lease.id)
    async with registry.watch("/") as events:
        await told(events, 2)
        registry.available = False
        registry.expire(lease)
        assert await told(events, 1) == [Stale("the registry was made unavailable")]
        assert not lease.lost.is_set()
        registry.available = True
        assert await told(events, 2) == [Removed("/a", 3), Synced(3)]
    assert lease.lost.is_set()


async def test_a_lease_can_expire() -> None:
    registry = MemoryRegistry()
    lease = await registry.lease(20)
    await registry.put("/a", b"", lease=lease.id)
    registry.expire(lease)
    assert lease.lost.is_set()
    assert await registry.get("/a") is None


async def test_a_lease_lives_a_ttl_from_the_start_of_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(1000.0)  # a second later whenever it is asked
    monkeypatch.setattr("waypoint_core.memory.time", SimpleNamespace(monotonic=lambda: next(clock)))
    registry = MemoryRegistry()
    lease = await registry.lease(20)
    assert lease.alive_until == next(clock) - 1 + 20
    registry.available = False
    until = lease.alive_until
    assert lease.alive_until == until == next(clock) - 1 + 20
    registry.available = True
    assert lease.alive_until > until


async def test_a_granted_lease_can_expire_by_its_id() -> None:
    registry = MemoryRegistry()
    lease = await registry.grant(20)
    await registry.put("/a", b"", lease=lease)
    registry.expire(lease)
    assert await registry.get("/a") is None
    with pytest.raises(LeaseLost, match="cannot find lease"):
        await registry.renew(lease)


async def test_a_lease_cannot_be_revoked_in_an_outage() -> None:
    registry = MemoryRegistry()
    lease = await registry.lease(20)
    registry.available = False
    with pytest.raises(RegistryUnavailable, match="cannot reach the registry"):
        await lease.revoke()


async def test_a_watch_begun_in_an_outage_is_synced_once() -> None:
    registry = MemoryRegistry()
    await registry.put("/a", b"")
    registry.available = False
    async with registry.watch("/") as events:
        registry.available = True
        stale, written, synced = await told(events, 3)
        assert isinstance(stale, Stale)
        assert isinstance(written, Written)
        assert synced == Synced(2)
        await registry.put("/b", b"")
        assert isinstance((await told(events, 1))[0], Written)
