"""Leases over a real etcd: kept alive, kept through outages, and lost only at the cluster's word."""

import asyncio
import time

import pytest

from functional.etcd.cluster import Cluster
from functional.etcd.following import changes, ran_out, until
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.registry import Removed, Written


async def test_it_outlives_its_ttl(registry: EtcdRegistry) -> None:
    lease = await registry.lease(6)
    first = lease.alive_until
    await registry.put("/leased", b"", lease=lease.id)
    await ran_out(registry, 7)
    assert await registry.get("/leased") is not None
    assert first < lease.alive_until <= time.monotonic() + lease.ttl


async def test_its_ttl_is_rounded_up_and_counted_from_the_sending(registry: EtcdRegistry) -> None:
    before = time.monotonic()
    lease = await registry.lease(9.2)
    assert before + 10 <= lease.alive_until <= time.monotonic() + 10
    assert lease.ttl == 10


async def test_it_is_lost_when_another_revokes_it(etcd: Cluster, registry: EtcdRegistry) -> None:
    lease = await registry.lease(6)
    etcd.admin("lease/revoke", ID=str(lease.id))
    async with asyncio.timeout(20):
        await lease.lost.wait()


async def test_an_outage_longer_than_the_ttl_does_not_lose_it(
    etcd: Cluster, registry: EtcdRegistry, clock: EtcdRegistry
) -> None:
    """etcd counts a lease's time anew when it comes back; whether it did is its word, not our clock's."""
    lease = await registry.lease(6)
    await registry.put("/leased", b"", lease=lease.id)
    etcd.kill()
    await ran_out(clock, 7)  # longer than the TTL
    back = time.monotonic()
    assert lease.alive_until < back
    assert not lease.lost.is_set()
    await asyncio.to_thread(etcd.start)
    async with asyncio.timeout(30):
        while lease.alive_until <= back:
            await ran_out(registry, 1)
    assert not lease.lost.is_set()
    assert await registry.get("/leased") is not None


async def test_it_is_lost_when_the_cluster_comes_back_without_it(etcd: Cluster, registry: EtcdRegistry) -> None:
    lease = await registry.lease(1)
    etcd.kill()
    etcd.wipe()
    await asyncio.to_thread(etcd.start)
    async with asyncio.timeout(20):
        await lease.lost.wait()


async def test_revoking_in_an_outage_says_so_and_lets_it_run_out(etcd: Cluster) -> None:
    async with EtcdRegistry.connect(etcd.settings(call_timeout=6.0)) as registry:
        lease = await registry.lease(20)
        etcd.kill()
        with pytest.raises(RegistryUnavailable, match="cannot"):
            await lease.revoke()
        assert not lease.lost.is_set()


async def test_revoking_twice_is_no_error(registry: EtcdRegistry) -> None:
    lease = await registry.lease(1)
    await lease.revoke()
    await lease.revoke()


async def test_a_closed_client_leaves_its_lease_to_run_out(etcd: Cluster, registry: EtcdRegistry) -> None:
    async with registry.watch("/leased") as events:
        async with EtcdRegistry.connect(etcd.settings()) as other:
            lease = await other.lease(6)
            await other.put("/leased", b"", lease=lease.id)
            assert changes(await until(events, Written)) == [("/leased", b"")]
        assert changes(await until(events, Removed)) == [("/leased", None)]
