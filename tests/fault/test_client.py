"""A client vanishes, in every way it can: its browser is gone, and soon."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from system.cdp import session
from system.fleet import CLIENT_TIMEOUT, Fleet
from system.news import PATIENCE
from system.undisturbed import undisturbed
from waypoint_lab.process import end

HOLDER = Path(__file__).with_name("holder.py")
SOONER = CLIENT_TIMEOUT - 1
"""Than silence alone would be noticed."""


@dataclass(frozen=True, slots=True)
class Held:
    """A session in the hands of a process of its own."""

    client: subprocess.Popen[str]
    instance: str
    processes: set[int]

    async def gone(self, within: float) -> float:
        """Wait until nothing of its browser runs; the seconds it took, AssertionError after `within`."""
        began = time.monotonic()
        assert await asyncio.to_thread(end, self.processes, 0, within), f"{self.instance} lives on after {within} s"
        return time.monotonic() - began


@contextmanager
def held(fleet: Fleet, manner: str = "ponging") -> Iterator[Held]:
    argv = [sys.executable, str(HOLDER), fleet.host.address, manner]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout is not None
            instance = fleet.instance_of(int(client.stdout.readline()))
            processes = fleet.processes_of(instance)
            assert len(processes) > 1
            yield Held(client, instance, processes)
        finally:
            client.kill()


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
