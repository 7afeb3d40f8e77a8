"""Three members, any of which may die or freeze: no event is lost or repeated, and the lease lives."""

import asyncio
import time
from collections.abc import Callable

import pytest

from functional.etcd.cluster import Cluster, Member
from functional.etcd.following import kinds, ran_out, take, until
from waypoint_core.errors import RegistryError, RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.registry import Stale, Synced, WatchEvent, Written

ATTEMPT = 1.5
"""Seconds after which a member that is frozen is left for another."""


class Writer:
    """Writes a growing number, again whenever its fate is unknown."""

    def __init__(self, registry: EtcdRegistry) -> None:
        self.registry = registry
        self.written = 0
        self._progress = asyncio.Condition()

    async def run(self) -> None:
        while True:
            await self._write(self.written + 1)
            async with self._progress:
                self.written += 1
                self._progress.notify_all()

    async def _write(self, number: int) -> None:
        while True:
            try:
                await self.registry.put(f"/w/{number:06}", b"")
            except RegistryUnavailable:
                continue
            return

    async def more(self, count: int = 200) -> None:
        """Wait until so many more are written."""
        goal = self.written + count
        async with asyncio.timeout(30), self._progress:
            await self._progress.wait_for(lambda: self.written >= goal)


class Watcher:
    """Keeps every revision that it is told."""

    def __init__(self, registry: EtcdRegistry) -> None:
        self.registry = registry
        self.revisions: list[int] = []
        self.numbers: list[int] = []
        self._progress = asyncio.Condition()

    async def run(self) -> None:
        async with self.registry.watch("/w/") as events:
            async for event in events:
                if isinstance(event, Written):
                    await self._note(event)

    async def _note(self, event: Written) -> None:
        self.revisions.append(event.entry.mod_revision)
        self.numbers.append(int(event.entry.key.rpartition("/")[2]))
        async with self._progress:
            self._progress.notify_all()

    async def reached(self, number: int) -> None:
        async with asyncio.timeout(30), self._progress:
            await self._progress.wait_for(lambda: self.numbers and self.numbers[-1] >= number)


def killed(cluster: Cluster, member: Member) -> tuple[Callable[[], None], Callable[[], None]]:
    return member.kill, lambda: cluster.start(member)


def frozen(cluster: Cluster, member: Member) -> tuple[Callable[[], None], Callable[[], None]]:
    return member.freeze, member.thaw


@pytest.mark.parametrize("harm", [killed, frozen])
async def test_each_member_in_turn(
    three: Cluster, harm: Callable[[Cluster, Member], tuple[Callable[[], None], Callable[[], None]]]
) -> None:
    async with (
        EtcdRegistry.connect(three.settings(attempt_timeout=ATTEMPT)) as writing,
        EtcdRegistry.connect(three.settings(attempt_timeout=ATTEMPT)) as watching,
        TaskOwner() as tasks,
    ):
        began, ttl = time.monotonic(), 10
        lease = await watching.lease(ttl)
        await watching.put("/leased", b"", lease=lease.id)
        writer, watcher = Writer(writing), Watcher(watching)
        tasks.start(watcher.run(), name="watcher")
        tasks.start(writer.run(), name="writer")
        for member in three.members:
            hurt, heal = harm(three, member)
            await writer.more()
            hurt()
            await writer.more()
            await watcher.reached(writer.written)
            await asyncio.to_thread(heal)
            await asyncio.to_thread(member.wait_led)
        while time.monotonic() < began + ttl:
            await writer.more()
        await watcher.reached(writer.written)
        assert await watching.get("/leased") is not None
        assert not lease.lost.is_set()
    assert watcher.revisions == sorted(set(watcher.revisions)), "repeated or out of order"
    assert sorted(set(watcher.numbers)) == list(range(1, max(watcher.numbers) + 1)), "lost"


async def test_the_lease_outlives_its_ttl_while_a_member_is_frozen(three: Cluster) -> None:
    """Longer than the TTL without the member that was in use: only renewals through another can keep it."""
    async with EtcdRegistry.connect(three.settings(attempt_timeout=ATTEMPT)) as registry:
        lease = await registry.lease(8)
        await registry.put("/leased", b"", lease=lease.id)
        frozen_at = time.monotonic()
        three.members[0].freeze()
        await settled_put(registry)  # it may have been the leader
        await ran_out(registry, 10)
        assert await registry.get("/leased") is not None
        assert lease.alive_until > frozen_at + lease.ttl
        three.members[0].thaw()
        assert not lease.lost.is_set()


async def test_a_minority_reports_stale_and_recovers(three: Cluster) -> None:
    async with EtcdRegistry.connect(three.settings(attempt_timeout=ATTEMPT, call_timeout=6.0)) as registry:
        lease = await registry.lease(60)
        async with registry.watch("/w/") as events:
            await until(events, Synced)
            for member in three.members[:2]:
                member.freeze()
            assert kinds(await take(events, 1)) == [Stale]
            for call in (registry.get("/w/a"), registry.put("/w/a", b"")):
                with pytest.raises(RegistryUnavailable, match="cannot"):
                    await call
            for member in three.members[:2]:
                member.thaw()
            await until(events, Synced)
            await settled_put(registry)
            found: list[WatchEvent] = await until(events, Written)
            assert isinstance(found[-1], Written)
        assert not lease.lost.is_set()


async def settled_put(registry: EtcdRegistry) -> None:
    """Put once the election is over."""
    async with asyncio.timeout(20):
        while True:
            try:
                await registry.put("/w/b", b"")
            except RegistryError:
                continue
            return
