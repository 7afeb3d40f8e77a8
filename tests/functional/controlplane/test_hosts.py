"""The service Hosts: cordon, drain, and what is shown of a host."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import grpc
import grpc.aio
import pytest

from functional.controlplane.administering import HOST, PATIENCE, Administered, loses_a_race, refused
from functional.etcd.following import ran_out
from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_core.codec import decode, encode
from waypoint_core.model import Claim, DesiredHost, HostState, KnownHost, Tick

CORDON = pb.CordonRequest(name=HOST, reason="why", by="me")
DRAIN = pb.DrainRequest(name=HOST)


async def test_a_cordon_is_shown_and_taken_back(member: Administered) -> None:
    await member.host()
    shown = await member.hosts.cordon(CORDON)
    assert (shown.state, shown.reason) == (pb.HOST_STATE_CORDONED, "why")
    await member.hosts.uncordon(pb.UncordonRequest(name=HOST))
    assert await member.registry.get(member.keys.desired_host(HOST)) is None


async def test_a_drain_says_something_every_5_seconds_while_the_fleet_moves(member: Administered) -> None:
    await member.host()
    browser = await member.browser()
    await member.registry.put(member.keys.claim(browser), encode(Claim("p", "r")))
    await member.until(lambda: browser in member.tables.claims)

    async def moves() -> None:
        while True:
            await member.registry.put(member.keys.tick, encode(Tick(time.time(), "x")))
            await ran_out(member.registry, 1)

    member.tasks.start(moves(), name="ticks")
    draining = member.hosts.drain(DRAIN)
    await draining.read()
    try:
        async with asyncio.timeout(PATIENCE):
            assert (await draining.read()).sessions_left == 1
    finally:
        draining.cancel()


async def test_drained_means_that_no_session_can_begin(member: Administered) -> None:
    """A proxy that has not heard of the cordon yet can claim until the agent has closed the browser."""
    await member.host()
    browser = await member.browser()
    draining = member.hosts.drain(DRAIN)
    async with asyncio.timeout(PATIENCE):
        progress = await draining.read()
        assert (progress.sessions_left, progress.drained) == (0, False)
        closed = replace(member.tables.instances[browser].record, open=False)
        await member.registry.put(member.keys.instance(HOST, browser), encode(closed))
        while not (progress := await draining.read()).drained:
            pass
        assert await draining.read() is grpc.aio.EOF


async def test_a_drain_ends_on_a_host_whose_agent_is_gone(member: Administered) -> None:
    await member.host()
    await member.browser()
    draining = member.hosts.drain(DRAIN)
    async with asyncio.timeout(PATIENCE):
        assert not (await draining.read()).drained
        await member.registry.put(member.keys.known_host(HOST), encode(KnownHost(HostState.SUSPECT, 1.0)))
        await member.registry.delete(member.keys.host_alive(HOST))
        while not (progress := await draining.read()).drained:
            pass
    assert progress.state == pb.HOST_STATE_SUSPECT


async def test_a_drain_of_a_gone_host_changes_nothing(member: Administered) -> None:
    await member.registry.put(member.keys.known_host(HOST), encode(KnownHost(HostState.GONE, 0.0)))
    await member.until(lambda: HOST in member.tables.known)
    code, _ = await refused(member.hosts.drain(DRAIN).read())
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert await member.registry.get(member.keys.desired_host(HOST)) is None


async def test_a_lost_race_does_not_wait_for_a_revision_of_other_prefixes(
    member: Administered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No leader, so no tick, and others write elsewhere in etcd: who lost the first race is answered all the same."""
    await member.host()
    key = member.keys.desired_host(HOST)
    loses_a_race(monkeypatch, member.registry, (key, encode(DesiredHost(slots=3))), ("/elsewhere/x", b"1"))
    async with asyncio.timeout(PATIENCE):
        await member.hosts.cordon(CORDON)
    entry = await member.registry.get(key)
    assert entry
    wanted = decode(DesiredHost, entry.value, key)
    assert (wanted.slots, wanted.cordon) == (3, True)


async def test_a_broken_record_is_written_over(member: Administered) -> None:
    await member.host()
    await member.registry.put(member.keys.desired_host(HOST), b"{")
    await member.until(lambda: member.tables.broken)
    async with asyncio.timeout(PATIENCE):
        assert (await member.hosts.cordon(CORDON)).state == pb.HOST_STATE_CORDONED


async def test_a_killed_browser_does_not_count_as_ready(member: Administered) -> None:
    await member.host()
    browser = await member.browser()
    assert (await member.hosts.get(pb.GetHostRequest(name=HOST))).ready == 1
    await member.instances.kill(pb.KillRequest(id=browser, by="me"))
    assert (await member.hosts.get(pb.GetHostRequest(name=HOST))).ready == 0
