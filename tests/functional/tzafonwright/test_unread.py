"""Clients that do not read, and pages that say more than anybody wants to read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from functional.tzafonwright.stage import Daemon, Edge, daemon
from tzafonwright import ActionTimeout, TzafonWrightClient, actions, protocol

Tw = TzafonWrightClient
A_MEGABYTE = "(window.done = (window.done ?? 0) + 1, 'x'.repeat(1e6))"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Daemon]:
    """One of this test's own, since it may be stopped."""
    with daemon(tmp_path) as running:
        yield running


@asynccontextmanager
async def asked_and_not_read(way: Edge, requests: int) -> AsyncIterator[ClientConnection]:
    """The kernel and the client's library take ten megabytes of the answers at most."""
    parts = urlsplit(way.url)
    with socket.socket() as small:
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        small.connect((parts.hostname, parts.port))
        small.setblocking(False)
        subprotocols = [Subprotocol(protocol.SUBPROTOCOL)]
        async with connect(way.url, sock=small, subprotocols=subprotocols, compression=None, max_queue=1) as client:
            for number in range(requests):
                await client.send(protocol.pack(protocol.Request(number, actions.Evaluate(expression=A_MEGABYTE), 60)))
            yield client


async def test_no_more_is_done_than_is_read(tw: Tw, way: Edge, shop: str) -> None:
    await tw.goto(shop)
    async with asked_and_not_read(way, 60) as client:
        await tw.wait_for_function("window.done >= 32")
        with pytest.raises(ActionTimeout):
            await tw.wait_for_function("window.done >= 50", timeout=1.5)
        answers = [protocol.unpack_from_server(await client.recv(decode=False))[0] for _ in range(60)]
    assert all(isinstance(answer, protocol.Done) for answer in answers)
    assert await tw.evaluate("window.done") == 60


async def test_the_server_stops_all_the_same(tw: Tw, way: Edge, server: Daemon, shop: str) -> None:
    await tw.goto(shop)
    async with asked_and_not_read(way, 20) as client:
        await tw.wait_for_function("window.done === 20")
        await tw.where()
        server.stop()
        assert await asyncio.to_thread(server.process.wait, 30) == 0
        client.transport.abort()


@pytest.mark.parametrize(
    ("said", "told"),
    [("'x'.repeat(40e6)", "x" * 65536 + "…"), ("'a' + '\U0001f600'.slice(0, 1)", "a\ufffd")],
)
async def test_what_a_page_says_ends_no_session(tw: Tw, shop: str, said: str, told: str) -> None:
    await tw.goto(shop)
    heard, _ = await asyncio.gather(anext(tw.events("console")), tw.evaluate(f"console.log({said})"))
    assert heard.data["text"] == told
    assert (await tw.where()).title == "Shop"


async def test_half_a_character(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    assert await tw.evaluate("['\U0001f600'.slice(0, 1), '\U0001f600']") == ["\ufffd", "\U0001f600"]
