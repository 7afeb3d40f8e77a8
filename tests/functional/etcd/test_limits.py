"""Deadlines, quotas and versions, against a real etcd."""

import asyncio
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from functional.etcd.cluster import Cluster, binary
from functional.etcd.following import changes, take, until
from waypoint_core.errors import RegistryRefused, RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.metrics import EtcdMetrics
from waypoint_core.registry import Absent, Put, Synced


def retries(metrics: CollectorRegistry, method: str) -> float:
    return metrics.get_sample_value("waypoint_etcd_retries_total", {"method": method}) or 0


async def test_a_call_ends_by_its_deadline_when_nobody_answers(etcd: Cluster) -> None:
    metrics = CollectorRegistry()
    settings = etcd.settings(attempt_timeout=1.0, call_timeout=7.0)
    async with EtcdRegistry.connect(settings, EtcdMetrics(metrics)) as registry:
        etcd.members[0].freeze()
        with pytest.raises(RegistryUnavailable, match="cannot"):
            await registry.get("/a")
        etcd.members[0].thaw()
    assert 1 <= retries(metrics, "Range") <= 40, "about two a second, after the first few"


async def test_a_write_of_unknown_fate_is_not_repeated(etcd: Cluster) -> None:
    metrics = CollectorRegistry()
    async with EtcdRegistry.connect(etcd.settings(attempt_timeout=1.0), EtcdMetrics(metrics)) as registry:
        await registry.get("/a")  # else there is no connection, and nothing can be sent
        etcd.members[0].freeze()
        with pytest.raises(RegistryUnavailable, match="cannot"):
            await registry.transact([Absent("/a")], [Put("/a", b"")])
        etcd.members[0].thaw()
    assert not retries(metrics, "Txn")


async def test_a_write_that_was_never_sent_is_repeated(etcd: Cluster) -> None:
    """The endpoint in front is down; what was refused a connection cannot have been carried out."""
    dead = "127.0.0.1:1"
    async with EtcdRegistry.connect(etcd.settings(endpoints=(dead, etcd.members[0].address))) as registry:
        for number in range(4):
            await registry.put("/a", b"%d" % number)


async def test_a_full_database_is_refused_in_words(run_cluster: Callable[..., Cluster]) -> None:
    cluster = run_cluster(options=["--quota-backend-bytes", "1000000"])
    async with EtcdRegistry.connect(cluster.settings()) as registry:
        with pytest.raises(RegistryRefused, match=r"cannot .*quota .*NOSPACE"):
            await fill(registry)
        assert await registry.get("/a/0") is not None


async def fill(registry: EtcdRegistry) -> None:
    # etcd looks at its size on disk, which it brings up to date every 100 ms.
    for number in range(2000):
        await registry.put(f"/a/{number}", bytes(100_000))


async def test_a_request_that_is_too_large_is_refused(registry: EtcdRegistry) -> None:
    with pytest.raises(RegistryRefused, match=r"cannot .*too large"):
        await registry.put("/a", bytes(2_000_000))


async def test_an_endpoint_that_is_not_etcd_is_unavailable(etcd: Cluster) -> None:
    member = etcd.members[0]
    settings = etcd.settings(endpoints=(f"127.0.0.1:{member.ports[2]}",), call_timeout=1.0)
    async with EtcdRegistry.connect(settings) as registry:
        with pytest.raises((RegistryUnavailable, RegistryRefused), match="cannot"):
            await registry.get("/a")


async def versions_known() -> None:
    """Returns once each member has told its version."""
    if asking := {task for task in asyncio.all_tasks() if task.get_name().startswith("etcd version ")}:
        await asyncio.wait(asking)


@pytest.mark.parametrize(("version", "warned"), [("3.5", False), ("3.4", True)])
async def test_both_versions_work_and_the_old_one_is_warned_of(
    run_cluster: Callable[..., Cluster], caplog: pytest.LogCaptureFixture, version: str, warned: bool
) -> None:
    if binary(version) is None:
        pytest.skip(f"etcd {version} is not here: make prepare fetches it")
    caplog.set_level("INFO", "waypoint.etcd")
    cluster = run_cluster(version=version)
    async with EtcdRegistry.connect(cluster.settings()) as registry:
        lease = await registry.lease(20)
        async with registry.watch("/w/") as events:
            await until(events, Synced)
            await registry.transact([Absent("/w/a")], [Put("/w/a", b"1", lease=lease.id)])
            assert changes(await take(events, 1)) == [("/w/a", b"1")]
            await versions_known()
            cluster.kill()
            cluster.start()
            seen = await until(events, Synced)
            await lease.revoke()
            assert changes([*seen, *await take(events, 1)]) == [("/w/a", None)]
    assert f"etcd {version}." in caplog.text
    assert ("past its end of life" in caplog.text) is warned
