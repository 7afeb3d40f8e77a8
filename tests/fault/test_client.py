"""A client vanishes, in every way it can: its browser is gone, and soon."""

from __future__ import annotations

import asyncio
import signal

import pytest

from fault.held import held
from system.cdp import session
from system.fleet import CLIENT_TIMEOUT, Fleet
from system.news import PATIENCE
from system.undisturbed import undisturbed
from waypoint_lab.process import end

SOONER = CLIENT_TIMEOUT - 1
"""Than silence alone would be noticed."""


async def test_client_is_killed(fleet: Fleet) -> None:
    with held(fleet) as session_of_another:
        session_of_another.client.kill()
        await session_of_another.gone(SOONER)


async def test_client_leaves(fleet: Fleet) -> None:
    async with session(fleet.ws) as client:
        processes = fleet.processes_of(fleet.instance_of(await client.pid()))
    assert await asyncio.to_thread(end, processes, 0, SOONER)


@pytest.mark.parametrize("manner", ["ponging", "silent"])
async def test_client_is_frozen(fleet: Fleet, manner: str) -> None:
    async with undisturbed(fleet):
        with held(fleet, manner) as frozen:
            frozen.client.send_signal(signal.SIGSTOP)
            await frozen.gone(CLIENT_TIMEOUT + PATIENCE)


@pytest.mark.parametrize("manner", ["ponging", "silent"])
async def test_client_that_only_waits_is_kept(fleet: Fleet, manner: str) -> None:
    """It owes nobody a pong; reading is sign enough of life."""
    with held(fleet, manner) as idle:
        with pytest.raises(AssertionError, match="lives on"):
            await idle.gone(2.5 * CLIENT_TIMEOUT)
        assert idle.client.poll() is None


@pytest.mark.parametrize("manner", ["ponging", "silent"])
async def test_cable_is_unplugged(fleet: Fleet, manner: str) -> None:
    with held(fleet, manner) as lost:
        fleet.host.unplug()
        try:
            await lost.gone(CLIENT_TIMEOUT + PATIENCE)
        finally:
            fleet.host.plug()
