"""The service Fleet: freezing and unfreezing, and events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest
from grpc.aio import ServicerContext

from functional.controlplane.administering import HOST, PATIENCE, Administered, loses_a_race
from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.events import Event
from waypoint_controlplane.serve.administration import REMEDIATION
from waypoint_core.codec import encode
from waypoint_core.model import Freeze, HostState, KnownHost

UNFREEZE = pb.UnfreezeRequest(by="me")


async def test_an_unfreeze_that_lost_a_race_unfreezes_what_it_lost_to(
    member: Administered, monkeypatch: pytest.MonkeyPatch
) -> None:
    await member.fleet.freeze(pb.FreezeRequest(reason="one", by="me"))
    loses_a_race(monkeypatch, member.registry, (member.keys.freeze, encode(Freeze(True, "other", "two", 1.0))))
    async with asyncio.timeout(PATIENCE):
        assert not (await member.fleet.unfreeze(UNFREEZE)).frozen
    assert await member.registry.get(member.keys.freeze) is None


async def test_what_the_leader_froze_is_overridden(member: Administered) -> None:
    await member.registry.put(member.keys.freeze, encode(Freeze(True, REMEDIATION, "mass loss", 1.0)))
    await member.until(lambda: member.tables.freeze)
    assert not (await member.fleet.unfreeze(UNFREEZE)).frozen
    assert member.tables.freeze
    assert not member.tables.freeze.record.frozen


async def test_no_event_is_lost_between_past_and_follow(member: Administered, monkeypatch: pytest.MonkeyPatch) -> None:
    await member.host()
    await member.hosts.cordon(pb.CordonRequest(name=HOST, reason="r"))
    past = member.chronicle.past

    async def happens() -> None:
        suspect = encode(KnownHost(HostState.SUSPECT, 1.0, "between"))
        await member.registry.put(member.keys.known_host(HOST), suspect)

    def past_and_more(count: int, host: str = "") -> list[Event]:
        found = past(count, host)
        member.tasks.start(happens(), name="between")
        return found

    monkeypatch.setattr(member.chronicle, "past", past_and_more)
    # The service's own generator, with a reader that is slow to take the first message, as a slow client is.
    request = pb.WatchEventsRequest(follow=True, past=10)
    told = member.administration.watch_events(request, cast("ServicerContext", None))
    async with aclosing(cast("AsyncGenerator[pb.Event]", told)) as events, asyncio.timeout(PATIENCE):
        event = await anext(events)
        await member.until(lambda: HOST in member.tables.known)
        while event.reason != "between":
            event = await anext(events)
