"""Subscriptions, as their readers see them."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest

from functional.controlplane.managing import Managing
from functional.controlplane.outsider import Outsider, number
from functional.etcd.cable import Cable
from functional.etcd.cluster import Cluster
from waypoint_controlplane.serve import subscription
from waypoint_core.codec import encode
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.model import HostState, KnownHost


async def test_a_life_is_told(managed: Managing) -> None:
    one, two = await managed.member(), await managed.member()
    await one.client.add("before")
    await two.until(lambda: "before" in two.fleet.instances)
    updates = await two.client.subscribe()
    others = await two.client.subscribe("VLLM")
    await one.client.add("a")
    assert await updates.next() == ("ADDED", "a")
    await one.client.update("a", services={"tzafonwright_service": "a:1"})
    assert await updates.next() == ("SERVICE_ADDED", "a")
    await one.client.update("a", services={"tzafonwright_service": "a:2"})
    await one.client.add("v", "VLLM", parent="a", services={"tzafonwright_service": "v:1"})
    assert await updates.next() == ("CHILD_ADDED", "a")
    assert await others.take(3) == [("ADDED", "v"), ("SERVICE_ADDED", "v"), ("PARENT_ADDED", "v")]
    await one.client.update("before", parent="a")
    assert sorted(await updates.take(2)) == [("CHILD_ADDED", "a"), ("PARENT_ADDED", "before")]
    before = int(time.time() * 1000)
    await one.client.update("a", kill="KILLED")
    update = await updates.whole()
    assert update.event_type == number("EventType", "REMOVED")
    assert update.instance_id.instance_id == "a"
    assert update.instance_type == number("InstanceType", "FAKE_INSTANCE")
    assert before <= update.timestamp_ms.timestamp_ms <= time.time() * 1000
    await managed.registry.delete(managed.keys.instance("_", "a"))
    await managed.registry.delete(managed.keys.desired_instance("_", "a"))
    await one.client.add("last")
    assert await updates.next() == ("ADDED", "last")


async def test_staleness_is_no_death(managed: Managing) -> None:
    member = await managed.member(beat_ttl=6)
    updates = await member.client.subscribe()
    await member.client.add("a")  # answered once its heartbeat shows
    await member.until(lambda: "a" not in member.fleet.beats)
    assert await member.client.update("a", health=True)
    await member.client.add("b")
    assert await updates.take(2) == [("ADDED", "a"), ("ADDED", "b")]


async def test_browsers_come_and_go(managed: Managing) -> None:
    member = await managed.member()
    updates = await member.client.subscribe("CHROME_BROWSER")
    await managed.host()
    await managed.obeying()
    browser = await managed.browser()
    assert await updates.take(2) == [("ADDED", browser), ("SERVICE_ADDED", browser)]
    await member.client.add("a")
    await member.client.update(browser, parent="a")
    assert await updates.next() == ("PARENT_ADDED", browser)
    await member.client.update(browser, kill="KILLED")
    await managed.registry.delete(managed.keys.instance("h", browser))
    assert await updates.next() == ("REMOVED", browser)
    second = await managed.browser(1)
    assert await updates.take(2) == [("ADDED", second), ("SERVICE_ADDED", second)]


@pytest.mark.parametrize("returns", [True, False])
async def test_a_lost_host_takes_its_browsers_only_when_it_is_gone(managed: Managing, returns: bool) -> None:
    member = await managed.member()
    await managed.host()
    first = await managed.browser(0)
    await member.until(lambda: first in member.fleet.instances)
    updates = await member.client.subscribe("CHROME_BROWSER")
    # As when the lease runs out: the host's keys go in their order.
    await managed.registry.delete(managed.keys.host_alive("h"))
    await managed.registry.delete(managed.keys.instance("h", first))
    if returns:
        await managed.host()
        await managed.browser(0)
        second = await managed.browser(1)
        assert await updates.take(2) == [("ADDED", second), ("SERVICE_ADDED", second)]
    else:
        await managed.registry.put(managed.keys.known_host("h"), encode(KnownHost(HostState.GONE, 0.0)))
        assert await updates.next() == ("REMOVED", first)


async def test_a_slow_reader_is_told_so(managed: Managing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "BACKLOG", 50)
    member = await managed.member()
    narrow = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024))
    async with Cable(member.server.address) as line, grpc.aio.insecure_channel(line.address, narrow) as channel:
        updates = await Outsider(channel).subscribe()
        line.stall()
        # More than what the connection itself takes in.
        for batch in range(6):
            await asyncio.gather(*(member.client.add(f"{batch}-{each}" + "x" * 220) for each in range(100)))
        line.flow()
        told = await updates.until_end()
    assert len(told) < 600
    code, text = updates.ended_with
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "subscribe again" in text


@pytest.fixture
async def cable(shared_etcd: Cluster) -> AsyncIterator[Cable]:
    async with Cable(shared_etcd.members[0].address) as cable:
        yield cable


async def test_a_subscription_outlives_an_outage(
    managed: Managing, cable: Cable, shared_etcd: Cluster, tmp_path: Path
) -> None:
    near = await managed.member()
    settings = shared_etcd.settings(endpoints=(f"http://{cable.address}",), attempt_timeout=0.5, call_timeout=1.0)
    async with EtcdRegistry.connect(settings) as registry:
        far = await managed.member(registry=registry)
        updates = await far.client.subscribe()
        await near.client.add("early")
        assert await updates.next() == ("ADDED", "early")
        cable.cut()
        await far.until(lambda: not far.fleet.synced)
        with pytest.raises(grpc.aio.AioRpcError) as away:
            await far.client.add("refused")
        assert away.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "try again" in str(away.value.details())
        assert await far.client.all() == ["early"]
        await near.client.add("meanwhile")
        await near.client.update("early", kill="KILLED")
        cable.mend()
        assert await updates.take(2) == [("ADDED", "meanwhile"), ("REMOVED", "early")]
        for task in (far.serving, far.following):
            task.cancel()
            await asyncio.wait([task])
