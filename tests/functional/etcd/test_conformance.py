"""The contract of Registry, held against the fake and against a real etcd."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import pytest

from functional.etcd.cluster import Cluster, running
from functional.etcd.following import changes, kinds, ran_out, take, until
from waypoint_core.errors import LeaseLost, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.memory import MemoryRegistry, Snapshot
from waypoint_core.registry import (
    Absent,
    Condition,
    Delete,
    Get,
    Listing,
    Present,
    Put,
    Registry,
    Removed,
    Rewound,
    Stale,
    Synced,
    Unchanged,
    Written,
)


class World(Protocol):
    """A registry and the hand that breaks it."""

    registry: Registry

    async def down(self) -> None: ...
    async def up(self) -> None: ...
    async def mark(self) -> None: ...
    async def rewind(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.marked: Snapshot

    async def down(self) -> None:
        self.registry.available = False

    async def up(self) -> None:
        self.registry.available = True

    async def mark(self) -> None:
        self.marked = self.registry.snapshot()

    async def rewind(self) -> None:
        self.registry.restore(self.marked)


class EtcdWorld:
    def __init__(self, cluster: Cluster, registry: EtcdRegistry, backup: Path) -> None:
        self.cluster = cluster
        self.registry = registry
        self.backup = backup

    async def down(self) -> None:
        self.cluster.kill()

    async def up(self) -> None:
        await asyncio.to_thread(self.cluster.start)

    async def mark(self) -> None:
        await self.down()
        self.cluster.save(self.backup)
        await self.up()

    async def rewind(self) -> None:
        await self.down()
        self.cluster.restore(self.backup)
        await self.up()


@contextlib.asynccontextmanager
async def etcd_world(cluster: Cluster, backup: Path) -> AsyncIterator[World]:
    async with EtcdRegistry.connect(cluster.settings(call_timeout=6.0)) as registry:
        yield EtcdWorld(cluster, registry, backup)


@pytest.fixture(params=["memory", "etcd"])
async def registry(request: pytest.FixtureRequest, shared_etcd: Cluster) -> AsyncIterator[Registry]:
    """A registry that stays up; etcd's is shared, so revisions are compared and never counted."""
    if request.param == "memory":
        yield MemoryRegistry()
    else:
        async with EtcdRegistry.connect(shared_etcd.settings()) as registry:
            yield registry


@pytest.fixture(params=["memory", "etcd"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
    else:
        with running(tmp_path / "etcd") as cluster:
            async with etcd_world(cluster, tmp_path / "backup") as world:
                yield world


@pytest.fixture
def root(request: pytest.FixtureRequest) -> str:
    """A prefix for this test alone."""
    return f"/{request.node.name}/"


async def test_an_absent_key_reads_as_none(registry: Registry, root: str) -> None:
    assert await registry.get(root + "nothing") is None


async def test_a_put_is_read_back(registry: Registry, root: str) -> None:
    first = await registry.put(root + "a", b"1")
    second = await registry.put(root + "a", b"\x00\xff")
    entry = await registry.get(root + "a")
    assert entry is not None
    assert (entry.key, entry.value, entry.lease) == (root + "a", b"\x00\xff", 0)
    assert (entry.create_revision, entry.mod_revision) == (first, second)
    assert second > first


async def test_delete_tells_whether_there_was_something(registry: Registry, root: str) -> None:
    await registry.put(root + "a", b"")
    assert await registry.delete(root + "a")
    assert not await registry.delete(root + "a")
    assert await registry.get(root + "a") is None


async def test_a_created_again_key_has_a_new_create_revision(registry: Registry, root: str) -> None:
    await registry.put(root + "a", b"")
    await registry.delete(root + "a")
    revision = await registry.put(root + "a", b"")
    entry = await registry.get(root + "a")
    assert entry is not None
    assert entry.create_revision == entry.mod_revision == revision


async def test_list_is_ordered_and_knows_where_the_prefix_ends(registry: Registry, root: str) -> None:
    inside = [root + "b/2", root + "b/1", root + "b/ü", root + "b/"]
    for key in [*inside, root + "a", root + "b", root + "b0", root + "c"]:
        await registry.put(key, b"")
    listing = await registry.list(root + "b/")
    assert [entry.key for entry in listing.entries] == sorted(inside)
    assert listing.revision >= max(entry.mod_revision for entry in listing.entries)


async def test_list_of_nothing(registry: Registry, root: str) -> None:
    revision = await registry.put("/elsewhere", b"")
    listing = await registry.list(root)
    assert listing == Listing((), listing.revision)
    assert listing.revision >= revision


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Absent("there"), False),
        (Absent("nowhere"), True),
        (Present("there"), True),
        (Present("nowhere"), False),
        (Unchanged("there", 0), True),
        (Unchanged("there", -1), False),
        (Unchanged("nowhere", 0), True),
    ],
)
async def test_conditions(registry: Registry, root: str, condition: Condition, holds: bool) -> None:
    seen = await registry.put(root + "there", b"")
    match condition:
        case Absent(key=key):
            condition = Absent(root + key)
        case Present(key=key):
            condition = Present(root + key)
        case Unchanged(key=key, mod_revision=offset):
            condition = Unchanged(root + key, seen + offset if key == "there" else 0)
    outcome = await registry.transact([condition], [Put(root + "yes", b"")], [Put(root + "no", b"")])
    assert outcome.succeeded is holds
    assert (await registry.get(root + "yes") is not None) is holds
    assert (await registry.get(root + "no") is not None) is not holds


async def test_all_conditions_must_hold(registry: Registry, root: str) -> None:
    await registry.put(root + "a", b"")
    outcome = await registry.transact([Present(root + "a"), Absent(root + "a")], [Put(root + "b", b"")])
    assert not outcome.succeeded
    assert await registry.get(root + "b") is None


async def test_reads_come_in_order_with_what_the_branch_has_written(registry: Registry, root: str) -> None:
    await registry.put(root + "old", b"0")
    outcome = await registry.transact(
        [],
        [
            Get(root + "old"),
            Put(root + "new", b"1"),
            Get(root + "new"),
            Delete(root + "old"),
            Get(root + "old"),
        ],
    )
    values = [read.value if read else None for read in outcome.reads]
    assert values == [b"0", b"1", None]
    assert outcome.reads[1] is not None
    assert outcome.reads[1].mod_revision == outcome.revision


async def test_a_branch_that_changes_nothing_takes_no_revision(registry: Registry, root: str) -> None:
    revision = await registry.put(root + "a", b"")
    outcome = await registry.transact([Absent(root + "a")], [], [Get(root + "a"), Delete(root + "nothing")])
    assert (outcome.succeeded, outcome.revision) == (False, revision)


async def test_a_hundred_operations_are_the_limit(registry: Registry, root: str) -> None:
    puts = [Put(f"{root}{number}", b"") for number in range(101)]
    outcome = await registry.transact([], puts[:100])
    assert outcome.succeeded
    for branches in ([puts, []], [[], puts]):
        with pytest.raises(RegistryRefused, match=r"cannot .* 101 operations"):
            await registry.transact([], *branches)


@pytest.mark.parametrize("second", [Put("twice", b""), Delete("twice")])
async def test_a_branch_changes_a_key_once(registry: Registry, second: Put | Delete) -> None:
    with pytest.raises(RegistryRefused, match="cannot"):
        await registry.transact([], [Put("twice", b""), second])


async def test_keys_go_with_their_lease(registry: Registry, root: str) -> None:
    lease = await registry.lease(20)
    await registry.put(root + "leased", b"", lease=lease.id)
    await registry.transact([], [Put(root + "too", b"", lease=lease.id), Put(root + "free", b"")])
    assert [entry.lease for entry in (await registry.list(root)).entries] == [0, lease.id, lease.id]
    assert not lease.lost.is_set()
    await lease.revoke()
    assert lease.lost.is_set()
    assert [entry.key for entry in (await registry.list(root)).entries] == [root + "free"]


async def test_a_put_without_the_lease_frees_the_key(registry: Registry, root: str) -> None:
    lease = await registry.lease(20)
    await registry.put(root + "a", b"", lease=lease.id)
    await registry.put(root + "a", b"")
    await lease.revoke()
    assert await registry.get(root + "a") is not None


async def test_nothing_can_be_put_under_a_lease_that_is_gone(registry: Registry, root: str) -> None:
    lease = await registry.lease(20)
    await lease.revoke()
    with pytest.raises(LeaseLost, match="cannot"):
        await registry.put(root + "a", b"", lease=lease.id)
    with pytest.raises(LeaseLost, match="cannot"):
        await registry.transact([], [Put(root + "b", b""), Put(root + "a", b"", lease=lease.id)])
    assert (await registry.list(root)).entries == ()


async def test_a_granted_lease_runs_out_unless_it_is_renewed(registry: Registry, root: str) -> None:
    kept, left = await registry.grant(6), await registry.grant(7)
    await registry.transact([], [Put(root + "kept", b"", lease=kept), Put(root + "left", b"", lease=left)])
    async with registry.watch(root) as events:
        await until(events, Synced)
        gone = []
        while not gone:
            with contextlib.suppress(TimeoutError):
                gone = changes([await asyncio.wait_for(anext(events), 0.5)])
            await registry.renew(kept)
    assert gone == [(root + "left", None)]
    assert await registry.get(root + "kept") is not None
    with pytest.raises(LeaseLost, match=f"cannot .* {left:x}"):
        await registry.renew(left)
    with pytest.raises(LeaseLost, match=f"cannot .* {left:x}"):
        await registry.remaining(left)


def assert_full(ttl: float, remaining: float, before: float) -> None:
    """So much remains of a TTL that began after that time.monotonic(): etcd leaves parts of a second out."""
    assert ttl - 1 - (time.monotonic() - before) <= remaining <= ttl


async def test_what_remains_of_a_granted_lease(registry: Registry, root: str) -> None:
    before = time.monotonic()
    lease = await registry.grant(9.2)
    assert_full(10, await registry.remaining(lease), before)
    await ran_out(registry, 2)
    assert await registry.remaining(lease) < 9
    before = time.monotonic()
    await registry.renew(lease)
    assert_full(10, await registry.remaining(lease), before)


async def test_a_lease_that_is_kept_can_be_renewed_too(registry: Registry) -> None:
    lease = await registry.lease(20)
    before = time.monotonic()
    await registry.renew(lease.id)
    assert_full(20, await registry.remaining(lease.id), before)
    await lease.revoke()
    with pytest.raises(LeaseLost, match="cannot"):
        await registry.renew(lease.id)


async def test_a_watch_tells_what_is_there_then_what_changes(registry: Registry, root: str) -> None:
    for key in ("b", "a"):
        await registry.put(root + key, key.encode())
    async with registry.watch(root) as events:
        found = await until(events, Synced)
        assert changes(found) == [(root + "a", b"a"), (root + "b", b"b")]
        revision = await registry.put(root + "a", b"2")
        await registry.put("/elsewhere", b"")
        await registry.delete(root + "b")
        await registry.delete(root + "b")
        written, removed = await take(events, 2)
    assert isinstance(written, Written)
    assert (written.entry.value, written.entry.mod_revision) == (b"2", revision)
    assert written.entry == await registry.get(root + "a")
    assert isinstance(removed, Removed)
    assert removed.revision > revision


async def test_a_watch_of_nothing_is_synced_at_once(registry: Registry, root: str) -> None:
    async with registry.watch(root) as events:
        assert kinds(await take(events, 1)) == [Synced]


async def test_a_transaction_is_seen_whole_and_in_order(registry: Registry, root: str) -> None:
    async with registry.watch(root) as events:
        await until(events, Synced)
        outcome = await registry.transact([], [Put(f"{root}{number}", b"") for number in range(10)])
        seen = await take(events, 10)
    revisions = {event.entry.mod_revision for event in seen if isinstance(event, Written)}
    assert revisions == {outcome.revision}
    assert changes(seen) == [(f"{root}{number}", b"") for number in range(10)]


async def test_a_watch_sees_a_lease_end(registry: Registry, root: str) -> None:
    lease = await registry.lease(20)
    await registry.put(root + "a", b"", lease=lease.id)
    async with registry.watch(root) as events:
        await until(events, Synced)
        await lease.revoke()
        assert changes(await take(events, 1)) == [(root + "a", None)]


async def test_a_cancelled_wait_loses_no_event(registry: Registry, root: str) -> None:
    async with registry.watch(root) as events:
        await until(events, Synced)
        for number in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(events), 0.001)
            await registry.put(root + "a", str(number).encode())
            assert changes(await take(events, 1)) == [(root + "a", str(number).encode())]


async def test_watches_do_not_share_events(registry: Registry, root: str) -> None:
    async with registry.watch(root + "a/") as one, registry.watch(root + "b/") as two:
        await until(one, Synced)
        await until(two, Synced)
        await registry.put(root + "a/1", b"")
        await registry.put(root + "b/1", b"")
        assert changes(await take(one, 1)) == [(root + "a/1", b"")]
        assert changes(await take(two, 1)) == [(root + "b/1", b"")]


async def test_an_outage_is_reported_and_survived(world: World) -> None:
    lease = await world.registry.lease(20)
    await world.registry.put("/w/leased", b"", lease=lease.id)
    async with world.registry.watch("/w/") as events:
        await until(events, Synced)
        await world.down()
        failures = await asyncio.gather(
            world.registry.get("/w/a"),
            world.registry.list("/w/"),
            world.registry.put("/w/a", b""),
            world.registry.delete("/w/a"),
            world.registry.transact([], [Put("/w/a", b"")]),
            world.registry.lease(20),
            world.registry.grant(20),
            world.registry.renew(lease.id),
            world.registry.remaining(lease.id),
            return_exceptions=True,
        )
        assert {type(failure) for failure in failures} == {RegistryUnavailable}
        assert all(str(failure).startswith("cannot ") for failure in failures)
        assert kinds(await take(events, 1)) == [Stale]
        await world.up()
        assert kinds(await until(events, Synced)) == [Synced]
        await world.registry.put("/w/b", b"")
        assert changes(await take(events, 1)) == [("/w/b", b"")]
    assert not lease.lost.is_set()
    assert await world.registry.get("/w/leased") is not None


async def test_a_granted_lease_counts_anew_after_an_outage(world: World, clock: EtcdRegistry) -> None:
    lease = await world.registry.grant(6)
    await world.registry.put("/w/leased", b"", lease=lease)
    await world.down()
    await ran_out(clock, 7)  # longer than the lease's TTL
    await world.up()
    await world.registry.renew(lease)
    assert await world.registry.remaining(lease) > 0
    assert await world.registry.get("/w/leased") is not None


async def test_a_watch_begun_in_an_outage_waits_for_its_end(world: World) -> None:
    await world.registry.put("/w/a", b"")
    await world.down()
    async with world.registry.watch("/w/") as events:
        assert kinds(await take(events, 1)) == [Stale]
        await world.up()
        found = await until(events, Synced)
    assert changes(found) == [("/w/a", b"")]


async def test_a_history_that_went_back_is_reported_before_its_differences(world: World) -> None:
    await world.registry.put("/w/kept", b"old")
    await world.mark()
    async with world.registry.watch("/w/") as events:
        await until(events, Synced)
        await world.registry.put("/w/kept", b"new")
        await world.registry.put("/w/new", b"")
        await take(events, 2)
        await world.rewind()
        before = await until(events, Rewound)
        after = await until(events, Synced)
        assert changes(before) == []
        assert sorted(changes(after)) == [("/w/kept", b"old"), ("/w/new", None)]
        await world.registry.put("/w/kept", b"newer")
        assert changes(await take(events, 1)) == [("/w/kept", b"newer")]
