"""A client vanishes, in every way it can: its browser is gone, and soon."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

import pytest

from fault.held import Held, held
from system.cdp import session
from system.fleet import CLIENT_TIMEOUT, Fleet
from system.news import PATIENCE, eventually
from system.undisturbed import undisturbed

MANNERS = ("ponging", "silent")


@asynccontextmanager
async def clients(fleet: Fleet) -> AsyncIterator[list[Held]]:
    """One of each manner."""
    with ExitStack() as live:
        yield [await asyncio.to_thread(live.enter_context, held(fleet, manner)) for manner in MANNERS]


async def noticed(fleet: Fleet, instance: str) -> None:
    """Wait until its session has ended because the client was seen to leave: nobody waited for its silence."""

    def said() -> str:
        return "".join(line for line in fleet.log("waypoint-proxy") if f"session on {instance} ended" in line)

    await eventually(lambda: said().endswith(": client left") or said())
    await eventually(lambda: instance not in fleet.browsers())


async def test_client_is_killed(fleet: Fleet) -> None:
    async with clients(fleet) as both:
        for each in both:
            each.client.kill()
            await noticed(fleet, each.instance)


async def test_client_leaves(fleet: Fleet) -> None:
    async with session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
    await noticed(fleet, instance)


async def test_client_is_frozen(fleet: Fleet) -> None:
    async with undisturbed(fleet), clients(fleet) as both:
        for each in both:
            each.client.send_signal(signal.SIGSTOP)
        for each in both:
            await each.gone(CLIENT_TIMEOUT + PATIENCE)


async def test_client_that_only_waits_is_kept(fleet: Fleet) -> None:
    """It owes nobody a pong; reading is sign enough of life."""
    async with clients(fleet) as both:
        with pytest.raises(AssertionError, match="lives on"):
            await both[0].gone(2.5 * CLIENT_TIMEOUT)
        assert [each.client.poll() for each in both] == [None, None]
        assert {each.instance for each in both} <= fleet.browsers().keys()


async def test_cable_is_unplugged(fleet: Fleet) -> None:
    async with clients(fleet) as both:
        fleet.host.unplug()
        try:
            for each in both:
                await each.gone(CLIENT_TIMEOUT + PATIENCE)
        finally:
            fleet.host.plug()
