"""A member whose tables do not show yet what another one wrote."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import cast

import pytest
from grpc.aio import ServicerContext

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.events import Chronicle
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.peers import Peers
from waypoint_controlplane.serve.administration import Administration
from waypoint_controlplane.serve.wanted import Wanted
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import DesiredHost, Freeze, HostAlive
from waypoint_core.registry import Condition, Operation, Outcome, Synced, WatchEvent
from waypoint_core.status.client import StatusClient

KEYS = Keys()
CONTEXT = cast("ServicerContext", None)  # nothing is asked of it


class Behind(MemoryRegistry):
    """Tells nothing new after the first listing, until the member has asked whether it is right."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def watch(self, prefix: str) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        async with super().watch(prefix) as events:
            yield self._late(events)

    async def _late(self, events: AsyncIterator[WatchEvent]) -> AsyncIterator[WatchEvent]:
        async for event in events:
            yield event
            if isinstance(event, Synced):
                await self.asked.wait()

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        outcome = await super().transact(conditions, then, otherwise)
        self.asked.set()
        return outcome


@pytest.fixture
async def registry() -> MemoryRegistry:
    registry = Behind()
    await registry.put(KEYS.host_alive("h"), encode(HostAlive("e", "b", 1)))
    return registry


@pytest.fixture
async def follower(registry: MemoryRegistry) -> AsyncIterator[Follower]:
    follower = Follower(registry, Fleet(KEYS))
    async with asyncio.TaskGroup() as group:
        following = group.create_task(follower.run())
        await follower.listed()
        yield follower
        following.cancel()


async def test_a_cordon_that_it_has_not_heard_of_is_taken_back(registry: MemoryRegistry, follower: Follower) -> None:
    await registry.put(KEYS.desired_host("h"), encode(DesiredHost(cordon=True)))
    await Wanted(registry, follower, KEYS).change("h", lambda wanted: replace(wanted, cordon=False))
    assert await registry.get(KEYS.desired_host("h")) is None


@pytest.mark.parametrize("frozen", [encode(Freeze(True, "ann", "an outage", 1.0)), b"{"])
async def test_a_freeze_that_it_has_not_heard_of(registry: MemoryRegistry, follower: Follower, frozen: bytes) -> None:
    await registry.put(KEYS.freeze, frozen)
    peers = Peers(follower.fleet, StatusClient(None))
    member = Administration(registry, follower, KEYS, peers=peers, chronicle=Chronicle(follower), name="b")
    assert not (await member.unfreeze(pb.UnfreezeRequest(by="ann"), CONTEXT)).frozen
    if frozen != b"{":
        assert await registry.get(KEYS.freeze) is None
    assert (await member.freeze(pb.FreezeRequest(by="ann"), CONTEXT)).frozen
