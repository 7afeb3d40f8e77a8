"""What the client tells of itself over a real etcd."""

import asyncio

from prometheus_client import CollectorRegistry

from functional.etcd.cluster import Cluster
from functional.etcd.following import take, until
from waypoint_core.errors import LeaseLost, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.metrics import EtcdMetrics
from waypoint_core.registry import Put, Synced


async def failing(*calls: object) -> None:
    for outcome in await asyncio.gather(*calls, return_exceptions=True):  # type: ignore[call-overload]
        assert isinstance(outcome, RegistryUnavailable | LeaseLost | RegistryRefused)


async def test_calls_watches_and_leases_are_counted(etcd: Cluster) -> None:
    metrics = CollectorRegistry()
    count = metrics.get_sample_value
    async with EtcdRegistry.connect(etcd.settings(call_timeout=6.0), EtcdMetrics(metrics)) as registry:
        lease = await registry.lease(10)
        async with registry.watch("/w/") as events:
            await until(events, Synced)
            await registry.put("/w/a", b"", lease=lease.id)
            await take(events, 1)
            await failing(registry.put("/w/a", b"", lease=1), registry.transact([], [Put("/a", b""), Put("/a", b"")]))
            etcd.kill()
            await failing(registry.get("/w/a"))
            await asyncio.to_thread(etcd.start)
            await until(events, Synced)
        etcd.admin("lease/revoke", ID=str(lease.id))
        async with asyncio.timeout(20):
            await lease.lost.wait()
    assert count("waypoint_etcd_calls_total", {"method": "Put", "outcome": "ok"}) == 1
    assert count("waypoint_etcd_calls_total", {"method": "Put", "outcome": "lease_lost"}) == 1
    assert count("waypoint_etcd_calls_total", {"method": "Txn", "outcome": "refused"}) == 1
    assert (count("waypoint_etcd_calls_total", {"method": "Range", "outcome": "unavailable"}) or 0) >= 1
    assert (count("waypoint_etcd_retries_total", {"method": "Range"}) or 0) >= 1
    assert count("waypoint_etcd_call_seconds_count", {"method": "Put"}) == 2
    assert count("waypoint_etcd_watch_events_total") == 1
    assert (count("waypoint_etcd_watch_resumes_total") or 0) >= 1
    assert count("waypoint_etcd_leases_lost_total") == 1
