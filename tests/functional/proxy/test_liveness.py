"""Clients that live, and clients that only look as if they did."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from functional.proxy.conftest import Site, Start

READER = Path(__file__).with_name("reader.py")
TIMEOUT = 5.0
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
@pytest.mark.parametrize("manner", ["ponging", "silent"])
async def test_frozen_client_is_noticed(start: Start, manner: str, history: int) -> None:
    async with start(client_timeout=TIMEOUT) as site, reader(site, manner, history) as client:
        (life,) = site.pool.in_use()
        client.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(5 * TIMEOUT):
            await life.gone.wait()
        assert life.released == "client is frozen"


@pytest.mark.parametrize("history", HISTORIES)
@pytest.mark.parametrize("manner", ["ponging", "silent"])
async def test_client_that_only_reads_is_kept(start: Start, manner: str, history: int) -> None:
    async with start(client_timeout=TIMEOUT) as site, reader(site, manner, history) as client:
        (life,) = site.pool.in_use()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * TIMEOUT):
                await life.gone.wait()
        assert client.returncode is None


async def test_killed_client_takes_its_browser_along(start: Start) -> None:
    async with start() as site, reader(site, "silent") as client:
        (life,) = site.pool.in_use()
        client.kill()
        async with asyncio.timeout(20):
            await life.gone.wait()
