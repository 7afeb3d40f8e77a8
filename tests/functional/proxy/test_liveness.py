"""Clients that live, and clients that only look as if they did."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from functional.proxy.conftest import Site, Start

READER = Path(__file__).with_name("reader.py")
TIMEOUT = 5.0
CLOSED = 7
"""Its status when its connection has ended."""
MANNERS = ["ponging", "silent", "rod"]
HISTORIES = [0, 300_000, 5_000_000]


@contextlib.asynccontextmanager
async def reader(site: Site, manner: str, history: int = 0) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        READER,
        str(site.port),
        manner,
        str(history),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("manner", MANNERS)
async def test_frozen_client_is_noticed(start: Start, manner: str, history: int) -> None:
    async with start(client_timeout=TIMEOUT) as site, reader(site, manner, history) as client:
        (life,) = await site.pool.used()
        client.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(5 * TIMEOUT):
            await life.gone.wait()
        assert life.released == "client is frozen"


async def test_clients_that_only_read_are_kept(start: Start) -> None:
    """They are tested twice within the timeout, and would be given up at its end."""
    timeout = 60.0  # one that is not let run for a tenth of it, while it is tested, is as good as frozen
    async with (
        start(client_timeout=timeout) as site,
        asyncio.TaskGroup() as group,
        contextlib.AsyncExitStack() as clients,
    ):
        ends = set()
        for manner, history in itertools.product(MANNERS, HISTORIES):
            client = await clients.enter_async_context(reader(site, manner, history))
            ends.add(group.create_task(client.wait()))
        ended, _ = await asyncio.wait(ends, timeout=1.1 * timeout, return_when=asyncio.FIRST_COMPLETED)
        assert not ended


async def test_who_takes_every_frame_for_a_message_is_told_nothing_else(start: Start) -> None:
    async with start() as site, reader(site, "rod") as client:
        (life,) = await site.pool.used()
        life.kill()
        async with asyncio.timeout(20):
            assert await client.wait() == CLOSED


async def test_killed_client_takes_its_browser_along(start: Start) -> None:
    async with start() as site, reader(site, "silent") as client:
        (life,) = await site.pool.used()
        client.kill()
        async with asyncio.timeout(20):
            await life.gone.wait()
