"""Watches over a real etcd that dies, freezes, compacts, is restored, or has a lot to say."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from functional.etcd.cable import Cable
from functional.etcd.cluster import Cluster
from functional.etcd.following import changes, kinds, reachable, take, until
from waypoint_core.etcd import EtcdRegistry, watch
from waypoint_core.registry import Put, Registry, Rewound, Stale, Synced, Written


async def fill(registry: Registry, prefix: str, count: int, value: bytes = b"") -> None:
    """Write `count` keys, 100 a transaction."""
    keys = [f"{prefix}{number:06}" for number in range(count)]
    for start in range(0, count, 100):
        await registry.transact([], [Put(key, value) for key in keys[start : start + 100]])


@pytest.fixture
async def cable(etcd: Cluster) -> AsyncIterator[Cable]:
    async with Cable(etcd.members[0].address) as cable:
        yield cable


@pytest.fixture
async def wired(etcd: Cluster, cable: Cable) -> AsyncIterator[EtcdRegistry]:
    """A client whose cable can be cut."""
    async with EtcdRegistry.connect(etcd.settings(endpoints=(cable.address,), call_timeout=1.0)) as registry:
        yield registry


async def test_it_resumes_without_gap_or_repeat(etcd: Cluster, registry: EtcdRegistry) -> None:
    async with registry.watch("/w/") as events:
        await until(events, Synced)
        seen = []
        for number in range(3):
            await registry.put("/w/a", b"%d" % number)
            etcd.kill()
            await asyncio.to_thread(etcd.start)
            seen += await until(events, Synced)
        await registry.delete("/w/a")
        seen += await take(events, 1)
    assert changes(seen) == [("/w/a", b"0"), ("/w/a", b"1"), ("/w/a", b"2"), ("/w/a", None)]
    assert kinds(seen) == [Stale, Synced] * 3


async def test_what_happened_while_it_was_cut_off_is_delivered_in_order(
    cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry
) -> None:
    await registry.put("/w/old", b"")
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        cable.cut()
        await until(events, Stale)
        await registry.put("/w/a", b"1")
        await registry.put("/w/a", b"2")
        await registry.delete("/w/old")
        last = await registry.put("/elsewhere", b"")
        cable.mend()
        seen = await until(events, Synced)
    assert changes(seen) == [("/w/a", b"1"), ("/w/a", b"2"), ("/w/old", None)]
    assert isinstance(seen[-1], Synced)
    assert seen[-1].revision >= last


async def test_compaction_past_a_disconnected_watcher_means_the_difference(
    etcd: Cluster, cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry
) -> None:
    for key in ("same", "changed", "gone", "reborn"):
        await registry.put(f"/w/{key}", b"1")
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        cable.cut()
        await until(events, Stale)
        for value in (b"2", b"3"):
            await registry.put("/w/changed", value)
        await registry.delete("/w/gone")
        await registry.delete("/w/reborn")
        await registry.put("/w/reborn", b"1")
        last = await registry.put("/w/new", b"1")
        etcd.admin("kv/compaction", revision=str(last), physical=True)
        cable.mend()
        seen = await until(events, Synced)
        assert sorted(changes(seen), key=lambda change: change[0]) == [
            ("/w/changed", b"3"),
            ("/w/gone", None),
            ("/w/new", b"1"),
            ("/w/reborn", b"1"),
        ]
        assert kinds(seen) == [Synced]
        await registry.put("/w/after", b"")
        assert changes(await take(events, 1)) == [("/w/after", b"")]


async def test_compaction_under_a_quiet_watch_costs_it_nothing(
    etcd: Cluster, cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry
) -> None:
    await registry.put("/quiet/a", b"")
    async with wired.watch("/quiet/") as events:
        await until(events, Synced)
        for number in range(10):
            await registry.put("/busy", b"%d" % number)
        last = await registry.put("/busy", b"")
        etcd.admin("kv/compaction", revision=str(last), physical=True)
        cable.cut()
        cable.mend()
        seen = await until(events, Synced)
        assert (changes(seen), kinds(seen)) == ([], [Stale, Synced])


async def test_compaction_at_the_very_revision_that_was_seen_last_costs_nothing(
    etcd: Cluster, cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry
) -> None:
    """Only a watch that goes on from there, without a new listing, hears of both changes of one key."""
    await registry.put("/w/gone", b"")
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        await registry.delete("/w/gone")
        seen = await registry.put("/w/a", b"0")
        await take(events, 2)
        cable.cut()
        await until(events, Stale)
        for value in (b"1", b"2"):
            await registry.put("/w/a", value)
        etcd.admin("kv/compaction", revision=str(seen), physical=True)
        cable.mend()
        told = await until(events, Synced)
        while len(changes(told)) < 2:
            told += await take(events, 1)
    assert changes(told) == [("/w/a", b"1"), ("/w/a", b"2")]


async def test_twenty_thousand_events_are_caught_up(cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry) -> None:
    """About 11 MB in answers of up to 1,000 revisions each, far over gRPC's usual 4 MiB."""
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        cable.cut()
        await until(events, Stale)
        await fill(registry, "/w/", 20_000, bytes(500))
        cable.mend()
        seen = await until(events, Synced, seconds=60)
    expected = [f"/w/{number:06}" for number in range(20_000)]
    assert [event.entry.key for event in seen if isinstance(event, Written)] == expected


async def test_one_answer_larger_than_the_usual_limit(registry: EtcdRegistry) -> None:
    for number in range(8):
        await registry.put(f"/w/{number}", bytes(1_000_000))
    listing = await registry.list("/w/")
    assert sum(len(entry.value) for entry in listing.entries) == 8_000_000


async def test_a_long_listing_is_read_in_pages_at_one_revision(registry: EtcdRegistry) -> None:
    await fill(registry, "/w/", 2_300)
    listing, _ = await asyncio.gather(registry.list("/w/"), fill(registry, "/w/", 2_300, b"again"))
    assert len(listing.entries) == len({entry.key for entry in listing.entries}) == 2_300
    assert max(entry.mod_revision for entry in listing.entries) <= listing.revision
    async with registry.watch("/w/") as events:
        assert len(changes(await until(events, Synced))) == 2_300


async def test_half_a_revision_is_never_delivered(cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry) -> None:
    """etcd sends a catch-up of 14 MB in fragments that split revisions; the cable breaks at arbitrary points of it."""
    keys = [f"/w/{number:02}" for number in range(60)]
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        cable.cut()
        await until(events, Stale)
        for number in range(12):
            await registry.transact([], [Put(key, bytes([number]) * 20_000) for key in keys])
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(until(events, Synced, seconds=60))
            broken = group.create_task(break_again_and_again(cable))
            await asyncio.wait([reading, broken], return_when=asyncio.FIRST_COMPLETED)
            broken.cancel()
            cable.mend()
        seen = reading.result()
    written = [event.entry for event in seen if isinstance(event, Written)]
    assert [(entry.key, entry.value[0]) for entry in written] == [(key, n) for n in range(12) for key in keys]


async def break_again_and_again(cable: Cable) -> None:
    for budget in range(300_000, 6_000_000, 700_000):
        cable.mend(budget)
        await cable.spent.wait()


async def test_a_silent_connection_is_given_up_and_resumed(
    cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry
) -> None:
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        await registry.put("/w/a", b"1")
        await take(events, 1)
        cable.stall()
        assert kinds(await take(events, 1)) == [Stale]
        await registry.put("/w/a", b"2")
        cable.flow()
        assert changes(await until(events, Synced)) == [("/w/a", b"2")]


async def test_a_quiet_watch_stays_synced(
    wired: EtcdRegistry, registry: EtcdRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "ASK_AFTER", 1.0)
    monkeypatch.setattr(watch, "SILENCE", 8.0)
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        with pytest.raises(TimeoutError):
            await take(events, 1, seconds=9)
        await registry.put("/w/a", b"")
        assert changes(await take(events, 1)) == [("/w/a", b"")]


async def test_a_slow_consumer_holds_up_nobody_else(registry: EtcdRegistry) -> None:
    async with registry.watch("/w/") as slow, registry.watch("/w/") as quick:
        await until(slow, Synced)
        await until(quick, Synced)
        await fill(registry, "/w/", 5_000, bytes(200))
        assert len(changes(await take(quick, 5_000))) == 5_000
        assert changes(await take(slow, 5_000)) == [(f"/w/{number:06}", bytes(200)) for number in range(5_000)]


async def test_a_key_that_is_not_text_survives_the_way_back(etcd: Cluster, registry: EtcdRegistry) -> None:
    async with registry.watch("/w/") as events:
        await until(events, Synced)
        etcd.admin("kv/put", key="L3cv/w==", value="")  # b"/w/\xff"
        (event,) = await take(events, 1)
        assert isinstance(event, Written)
        assert await registry.get(event.entry.key) == event.entry
        assert await registry.delete(event.entry.key)


@pytest.mark.parametrize("moved_on", [False, True], ids=["behind", "past where we were"])
@pytest.mark.parametrize("token", [[], ["--initial-cluster-token", "other"]], ids=["same cluster", "other cluster"])
async def test_a_fresh_history_under_the_same_address_is_noticed(
    etcd: Cluster, cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry, moved_on: bool, token: list[str]
) -> None:
    for key in ("lost", "kept", "last"):
        await registry.put(f"/w/{key}", b"old")
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        cable.cut()
        etcd.kill()
        etcd.wipe()
        etcd.members[0].options = token
        await asyncio.to_thread(etcd.start)
        await reachable(registry)
        if moved_on:
            await fill(registry, "/busy/", 1_000)
        await registry.put("/w/kept", b"new")
        cable.mend()
        before = await until(events, Rewound)
        after = await until(events, Synced)
    assert (changes(before), kinds(before)) == ([], [Stale, Rewound])
    assert sorted(changes(after)) == [("/w/kept", b"new"), ("/w/last", None), ("/w/lost", None)]


async def test_a_restored_backup_that_moved_on_and_was_compacted_is_noticed(
    etcd: Cluster, cable: Cable, wired: EtcdRegistry, registry: EtcdRegistry, tmp_path: Path
) -> None:
    """Neither the cluster's id nor the revision tells: only an entry from a time that we saw otherwise."""
    await registry.put("/w/a", b"1")
    etcd.kill()
    etcd.save(tmp_path / "backup")
    await asyncio.to_thread(etcd.start)
    await reachable(registry)
    async with wired.watch("/w/") as events:
        await until(events, Synced)
        await registry.put("/w/b", b"1")
        await take(events, 1)
        cable.cut()
        etcd.kill()
        etcd.restore(tmp_path / "backup")
        await asyncio.to_thread(etcd.start)
        await reachable(registry)
        await registry.put("/w/c", b"1")
        await fill(registry, "/busy/", 500)
        last = await registry.put("/busy", b"")
        etcd.admin("kv/compaction", revision=str(last), physical=True)
        cable.mend()
        seen = await until(events, Synced)
    assert kinds(seen) == [Stale, Rewound, Synced]
    assert sorted(changes(seen)) == [("/w/a", b"1"), ("/w/b", None), ("/w/c", b"1")]
