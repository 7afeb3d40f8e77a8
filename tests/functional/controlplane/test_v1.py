"""waypoint.v1 through the real gRPC server, on a real etcd."""

import asyncio
import contextlib
import time
from dataclasses import replace

import grpc
import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from functional.etcd.following import ran_out
from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.api.binding import Stub
from waypoint_controlplane.events import Chronicle
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve.administration import Administration
from waypoint_controlplane.serve.hosts import Hosts
from waypoint_controlplane.serve.instances import Instances
from waypoint_controlplane.serve.server import Server
from waypoint_controlplane.serve.sessions import Sessions
from waypoint_core.codec import decode, encode
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import browser_id
from waypoint_core.model import (
    Claim,
    ClaimKind,
    DesiredHost,
    Freeze,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KnownHost,
    ProxyAlive,
    Tick,
)
from waypoint_core.registry import Written
from waypoint_core.settings import Settings, TlsSettings
from waypoint_core.status.reports import JournalReport, SessionReport


class Peers:
    def __init__(self):
        self.asked = []

    async def sessions(self):
        return [
            ("p", SessionReport("h_0_" + "0" * 32, "cdp", since=1.0)),
            ("p", SessionReport("h_1_" + "0" * 32, "cdp", ended=2.0)),
        ], ["q: away"]

    async def journal(self, host, unit, lines, *, follow):
        self.asked.append((host, unit, lines, follow))
        yield JournalReport(1.0, unit, 6, "hello")


class V1:
    pass


@pytest.fixture
async def v1(registry, keys, patient):
    async with TaskOwner() as tasks, contextlib.AsyncExitStack() as stack:
        self = V1()
        self.registry, self.keys, self.tasks = registry, keys, tasks
        f = self.follower = Follower(registry, Fleet(keys))
        self.fleet = f.fleet
        self.chronicle = Chronicle(f)
        self.peers = Peers()
        served = {
            "Hosts": Hosts(registry, f, keys),
            "Instances": Instances(registry, f, keys),
            "Sessions": Sessions(registry, f, keys, self.peers, Settings()),
            "Fleet": Administration(registry, f, keys, peers=self.peers, chronicle=self.chronicle, name="me"),
        }
        d = pb.DESCRIPTOR.services_by_name
        server = Server(
            "127.0.0.1:0", TlsSettings(), [(d[n], s) for n, s in served.items()], CollectorRegistry(), f.listed
        )
        tasks.start(f.run(), name="f")
        tasks.start(self.chronicle.run(), name="c")
        tasks.start(server.serve(), name="s")
        await server.started.wait()
        await f.listed()
        ch = await stack.enter_async_context(grpc.aio.insecure_channel(server.address))
        for n in served:
            setattr(self, n.lower() if n != "Fleet" else "admin", Stub(d[n], ch))
        yield self


async def until(v1, holds):
    async with asyncio.timeout(20):
        await v1.follower.until(holds)


async def host(v1, name="h", **kw):
    await v1.registry.put(v1.keys.host_alive(name), encode(HostAlive("e", "b", 4, **kw)))
    await until(v1, lambda: name in v1.fleet.alive)


async def browser(v1, host="h", slot=0):
    b = browser_id(host, slot, f"{slot:032x}")
    await v1.registry.put(
        v1.keys.instance(host, b),
        encode(Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, slot=slot, generation=1)),
    )
    await until(v1, lambda: b in v1.fleet.instances)
    return b


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as e:
        async with asyncio.timeout(20):
            await call
    return e.value.code(), e.value.details()


async def test_basic_cordon_drain_kill_unknown(v1):
    await host(v1)
    b = await browser(v1)
    h = await v1.hosts.cordon(pb.CordonRequest(name="h", reason="why", by="me"))
    assert h.state == pb.HOST_STATE_CORDONED
    assert h.reason == "why"
    await v1.hosts.uncordon(pb.UncordonRequest(name="h"))
    assert await v1.registry.get(v1.keys.desired_host("h")) is None
    await v1.instances.kill(pb.KillRequest(id=b, by="me"))


async def test_drain_says_something_every_5s_while_the_fleet_moves(v1):
    await host(v1)
    b = await browser(v1)
    await v1.registry.put(v1.keys.claim(b), encode(Claim("p", "r")))
    await until(v1, lambda: b in v1.fleet.claims)

    async def ticks():
        while True:
            await v1.registry.put(v1.keys.tick, encode(Tick(time.time(), "x")))
            await ran_out(v1.registry, 1)

    v1.tasks.start(ticks(), name="ticks")
    call = v1.hosts.drain(pb.DrainRequest(name="h"))
    await call.read()
    try:
        async with asyncio.timeout(20):
            await call.read()
    finally:
        call.cancel()


async def test_drained_means_that_no_session_can_begin(v1):
    """A proxy that has not heard of the cordon yet can claim until the agent has closed the browser."""
    await host(v1)
    b = await browser(v1)
    call = v1.hosts.drain(pb.DrainRequest(name="h"))
    async with asyncio.timeout(20):
        progress = await call.read()
        assert (progress.sessions_left, progress.drained) == (0, False)
        record = v1.fleet.instances[b].record
        await v1.registry.put(v1.keys.instance("h", b), encode(replace(record, open=False)))
        while not (progress := await call.read()).drained:
            pass
        assert await call.read() is grpc.aio.EOF


async def test_drain_ends_on_a_host_whose_agent_is_gone(v1):
    await host(v1)
    await browser(v1)
    call = v1.hosts.drain(pb.DrainRequest(name="h"))
    async with asyncio.timeout(20):
        assert not (await call.read()).drained
        await v1.registry.put(v1.keys.known_host("h"), encode(KnownHost(HostState.SUSPECT, 1.0)))
        await v1.registry.delete(v1.keys.host_alive("h"))
        while not (progress := await call.read()).drained:
            pass
    assert progress.state == pb.HOST_STATE_SUSPECT


async def test_drain_of_a_gone_host_changes_nothing(v1):
    await v1.registry.put(v1.keys.known_host("h"), encode(KnownHost(HostState.GONE, 0.0)))
    await until(v1, lambda: "h" in v1.fleet.known)
    with pytest.raises(grpc.aio.AioRpcError) as e:
        await v1.hosts.drain(pb.DrainRequest(name="h")).read()
    assert e.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert await v1.registry.get(v1.keys.desired_host("h")) is None


async def test_a_lost_race_does_not_wait_for_a_revision_of_other_prefixes(v1, monkeypatch):
    """No leader, so no tick, and others write elsewhere in etcd: who lost the first race is answered all the same."""
    await host(v1)
    plain = v1.registry.transact
    n = 0

    async def racing(conditions, then, otherwise=()):
        nonlocal n
        n += 1
        if n == 1:
            await v1.registry.put(v1.keys.desired_host("h"), encode(DesiredHost(slots=3)))
            await v1.registry.put("/elsewhere/x", b"1")
        return await plain(conditions, then, otherwise)

    monkeypatch.setattr(v1.registry, "transact", racing)
    async with asyncio.timeout(20):
        await v1.hosts.cordon(pb.CordonRequest(name="h", reason="r"))


async def test_a_broken_desired_record_can_be_replaced(v1):
    await host(v1)
    await v1.registry.put(v1.keys.desired_host("h"), b"{")
    await until(v1, lambda: v1.fleet.broken)
    async with asyncio.timeout(20):
        await v1.hosts.cordon(pb.CordonRequest(name="h", reason="r"))


async def test_unfreeze_that_lost_a_race_does_not_answer_ok_frozen(v1, monkeypatch):
    await v1.admin.freeze(pb.FreezeRequest(reason="one", by="me"))
    plain = v1.registry.transact
    n = 0

    async def racing(conditions, then, otherwise=()):
        nonlocal n
        n += 1
        if n == 1:
            await v1.registry.put(v1.keys.freeze, encode(Freeze(True, "other", "two", 1.0)))
        return await plain(conditions, then, otherwise)

    monkeypatch.setattr(v1.registry, "transact", racing)
    async with asyncio.timeout(20):
        assert not (await v1.admin.unfreeze(pb.UnfreezeRequest(by="me"))).frozen


async def test_freeze_unfreeze_leader(v1):
    await v1.registry.put(v1.keys.freeze, encode(Freeze(True, "remediation", "mass loss", 1.0)))
    await until(v1, lambda: v1.fleet.freeze)
    assert not (await v1.admin.unfreeze(pb.UnfreezeRequest(by="me"))).frozen
    assert not v1.fleet.freeze.record.frozen


async def test_no_event_is_lost_between_past_and_follow(v1):
    await host(v1)
    await v1.hosts.cordon(pb.CordonRequest(name="h", reason="r"))
    plain = v1.chronicle.past

    def past(*a):
        found = plain(*a)
        v1.tasks.start(
            v1.registry.put(v1.keys.known_host("h"), encode(KnownHost(HostState.SUSPECT, 1.0, "between"))),
            name="between",
        )
        return found

    v1.chronicle.past = past

    got = []
    # The service's own generator, with a reader that is slow to take the first message, as a slow client is.
    service = Administration(v1.registry, v1.follower, v1.keys, peers=v1.peers, chronicle=v1.chronicle, name="me")
    stream = service.watch_events(pb.WatchEventsRequest(follow=True, past=10), None)
    got.append(await anext(stream))
    await until(v1, lambda: "h" in v1.fleet.known)
    try:
        async with asyncio.timeout(20):
            while got[-1].reason != "between":
                got.append(await anext(stream))
    finally:
        await stream.aclose()


async def test_a_killed_browser_does_not_count_as_ready(v1):
    await host(v1)
    b = await browser(v1)
    await v1.instances.kill(pb.KillRequest(id=b, by="me"))
    assert (await v1.hosts.get(pb.GetHostRequest(name="h"))).ready == 0


async def test_open(v1):
    await host(v1)
    b = await browser(v1)
    await v1.registry.put(v1.keys.proxy("p"), encode(ProxyAlive("e", "h", "10.0.0.1:9222")))
    await until(v1, lambda: "p" in v1.fleet.proxies)
    ready = asyncio.Event()

    async def obey():
        async with v1.registry.watch(v1.keys.claims) as events:
            async for e in events:
                ready.set()
                if isinstance(e, Written):
                    c = decode(Claim, e.entry.value, e.entry.key)
                    if c.kind is ClaimKind.SESSION and not c.address:
                        await v1.registry.put(e.entry.key, encode(replace(c, address="10.0.0.1:9222")))

    v1.tasks.start(obey(), name="obey")
    await ready.wait()
    got = await v1.sessions.open(pb.OpenSessionRequest())
    assert got.instance == b
    assert got.url.startswith("ws://10.0.0.1:9222/devtools/browser/")
    code, text = await refused(v1.sessions.open(pb.OpenSessionRequest()))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    await v1.hosts.cordon(pb.CordonRequest(name="h", reason="r"))
    code, text = await refused(v1.sessions.open(pb.OpenSessionRequest()))
    assert "cordoned" in text


async def test_open_without_proxy_is_told_apart(v1):
    """A free browser whose host has no proxy: 'no browser is free' would send people to add slots."""
    await host(v1)
    await browser(v1)
    _, text = await refused(v1.sessions.open(pb.OpenSessionRequest()))
    assert "proxy" in text


async def test_sessions_list(v1):
    assert len((await v1.sessions.list(pb.ListSessionsRequest())).sessions) == 1
    got = await v1.sessions.list(pb.ListSessionsRequest(ended=True))
    assert len(got.sessions) == 2
    assert list(got.missing) == ["q: away"]
