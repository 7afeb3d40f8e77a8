"""Each test has a fresh browser and a client in it; the server serves all tests of a module."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from functional.browser.launcher import CHROMIUM, Browser, launched
from functional.tzafonwright.site import serving
from functional.tzafonwright.stage import Daemon, Edge, daemon, edge, endpoint
from tzafonwright import TzafonWrightClient


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    if os.geteuid() != 0 or not Path(CHROMIUM).exists():
        pytest.skip(f"needs root, to become another user, and {CHROMIUM}")
    folder = tmp_path_factory.mktemp("server")
    with daemon(folder) as running:
        yield running
    log = (folder / "log").read_text()
    assert "Traceback" not in log, log


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as port:
        yield port


@pytest.fixture
def shop() -> str:
    """The browser takes it for a site of its own; see the flag below."""
    return "http://shop.example"


@pytest.fixture
def browser(server: Daemon, port: int) -> Iterator[Browser]:
    rules = f"MAP shop.example:80 127.0.0.1:{port}, MAP other.example:80 127.0.0.1:{port}"
    with launched(flags=f"--host-resolver-rules={rules}") as browser:
        yield browser


@pytest.fixture
async def way(server: Daemon, browser: Browser) -> AsyncIterator[Edge]:
    async with edge(server.path, endpoint(browser)) as made:
        yield made


@pytest.fixture
async def tw(way: Edge) -> AsyncIterator[TzafonWrightClient]:
    async with TzafonWrightClient(way.url, timeout=30) as client:
        yield client
