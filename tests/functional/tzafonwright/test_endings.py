"""How sessions end: each with a reason that the client understands, and with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from functional.browser.launcher import Browser, end
from functional.tzafonwright.endless import endless
from functional.tzafonwright.stage import Daemon, Edge, daemon, edge
from tzafonwright import (
    ActionFailed,
    BrowserLost,
    Code,
    ConnectionLost,
    Page,
    ServerLost,
    SessionLost,
    TzafonWrightClient,
    actions,
    protocol,
)

Tw = TzafonWrightClient


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Daemon]:
    """One of this test's own, since it ends badly."""
    with daemon(tmp_path, "--attach-timeout=8") as running:
        yield running


@pytest.fixture
async def tw(way: Edge) -> AsyncIterator[Tw]:
    client = TzafonWrightClient(way.url, timeout=30)
    await client.connect()
    yield client
    await client.close()


async def lost(tw: Tw, kind: type[SessionLost], words: str, cause: Callable[[], object]) -> None:
    """The action that is under way says how the session ended, and so do all after it."""
    async with asyncio.TaskGroup() as group:
        ended = await endless(tw, group)
        cause()
        async with asyncio.timeout(30):
            assert type(await ended) is kind
    assert re.search(words, str(ended.result()))
    with pytest.raises(kind, match=words):
        await tw.where()


async def let_go(way: Edge) -> None:
    """Until nobody is attached to any of the browser's pages, as itself says."""
    attached: dict[str, bool] = {}
    known = False
    async with asyncio.timeout(60), connect(way.endpoint, compression=None) as browser:
        await browser.send(json.dumps({"id": 1, "method": "Target.setDiscoverTargets", "params": {"discover": True}}))
        while not known or any(attached.values()):
            said = json.loads(await browser.recv())
            known = known or said.get("id") == 1
            if target := said.get("params", {}).get("targetInfo"):
                attached[target["targetId"]] = target["attached"]
    assert attached


async def test_the_browser_dies(tw: Tw, browser: Browser, shop: str) -> None:
    await tw.goto(shop)
    await lost(tw, BrowserLost, "cannot .*browser closed the connection", lambda: end(browser.cgroup))


async def test_the_browser_dies_before_the_driver_hears_of_it(
    tw: Tw, browser: Browser, server: Daemon, shop: str
) -> None:
    await tw.goto(shop)
    [driver] = server.drivers()

    def dies() -> None:
        os.kill(driver, signal.SIGSTOP)
        end(browser.cgroup)

    try:
        await lost(tw, BrowserLost, "cannot .*browser closed the connection", dies)
    finally:
        os.kill(driver, signal.SIGCONT)


async def test_the_server_is_stopped(tw: Tw, server: Daemon, shop: str) -> None:
    await tw.goto(shop)
    await lost(tw, ServerLost, "server is stopping", server.stop)
    assert await asyncio.to_thread(server.process.wait, 30) == 0
    assert not Path(server.path).exists()


async def test_the_server_is_killed(tw: Tw, server: Daemon, shop: str) -> None:
    await tw.goto(shop)
    drivers = [os.pidfd_open(pid) for pid in server.drivers()]
    await lost(tw, ConnectionLost, "the connection broke", server.process.kill)
    for driver in drivers:
        ended, _, _ = await asyncio.to_thread(select.select, [driver], [], [], 30)
        os.close(driver)
        assert ended


async def test_the_driver_dies(tw: Tw, way: Edge, server: Daemon, shop: str) -> None:
    """It ends its own sessions; the next one gets another driver, and finds the browser as it was left."""
    await tw.goto(shop)
    [driver] = server.drivers()
    await lost(
        tw,
        ServerLost,
        r"server: the browser driver ended \(killed by signal 9\)",
        lambda: os.kill(driver, signal.SIGKILL),
    )
    async with TzafonWrightClient(way.url) as again:
        assert (await again.where()).title == "Shop"
    assert server.drivers() != [driver]


async def test_the_driver_hangs(tw: Tw, way: Edge, server: Daemon, shop: str) -> None:
    """Found out by the next session, which another driver could serve: the browser is not at fault."""
    await tw.goto(shop)
    [driver] = server.drivers()
    os.kill(driver, signal.SIGSTOP)
    with pytest.raises(InvalidStatus) as refused:
        await connect(way.url, open_timeout=40)
    assert refused.value.response.status_code == 503
    with pytest.raises(ServerLost, match="the browser driver ended"):
        await tw.wait_for("#never")
    async with TzafonWrightClient(way.url) as again:
        assert (await again.where()).title == "Shop"


async def test_the_connection_breaks(tw: Tw, way: Edge, browser: Browser, shop: str) -> None:
    await tw.goto(shop)
    await lost(tw, ConnectionLost, "the connection broke", way.cut)
    async with TzafonWrightClient(way.url) as again:  # the server let go of it, and left it as it was
        assert (await again.where()).title == "Shop"


async def test_a_client_that_leaves_stops_what_it_began(tw: Tw, way: Edge, shop: str) -> None:
    await tw.goto(shop)

    async def click() -> None:
        with pytest.raises(SessionLost):
            await tw.click("#late")

    async with asyncio.TaskGroup() as group:
        group.create_task(click())
        await tw.do(actions.Listen(topics=()))  # taken up after the click
        await tw.close()
    await let_go(way)
    async with TzafonWrightClient(way.url) as again:
        await again.evaluate(
            "document.body.insertAdjacentHTML('beforeend', '<button id=late onclick=\"save.click()\">Late')"
        )
        with pytest.raises(ActionFailed):
            await again.wait_for("#status >> text=Saved", timeout=0.5)


async def test_what_waits_for_a_tab_that_closes(tw: Tw, way: Edge, shop: str) -> None:
    await tw.goto(shop)

    async def close() -> None:
        await tw.do(actions.Listen(topics=()))  # taken up after the other two
        async with TzafonWrightClient(way.url, timeout=30) as other:
            await other.close_tab()

    waited, after, _ = await asyncio.gather(tw.wait_for("#never"), tw.where(), close(), return_exceptions=True)
    assert isinstance(waited, ActionFailed)
    assert waited.code == Code.CLOSED
    assert isinstance(after, Page | ActionFailed)
    assert (await tw.goto(shop)).title == "Shop"


async def test_two_on_one_browser(tw: Tw, way: Edge, shop: str) -> None:
    async with TzafonWrightClient(way.url) as other:
        await tw.goto(shop)
        assert (await other.where()).title == "Shop"
        await tw.evaluate("confirm('Whose is it?')")
    assert (await tw.where()).title == "Shop"


async def test_a_browser_that_is_not_there_is_refused_before_the_upgrade(server: Daemon) -> None:
    async with edge(server.path, "ws://127.0.0.1:9/devtools/browser/none") as way:
        with pytest.raises(InvalidStatus) as refused:
            await connect(way.url, open_timeout=60)
    assert refused.value.response.status_code == 502
    assert b"cannot attach to the browser" in (refused.value.response.body or b"")


@pytest.mark.parametrize("named", ["", "ws://10.1.2.3:9222/devtools/browser/x", "http://127.0.0.1:1", "ws://[broken"])
async def test_only_browsers_of_this_host(server: Daemon, named: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await unix_connect(server.path, uri="ws://host/", additional_headers={"X-WayPoint-Endpoint": named})
    assert refused.value.response.status_code == 400


async def test_the_socket_is_for_its_group_only(server: Daemon) -> None:
    assert Path(server.path).stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize("frame", ["text", b"", b"\xff\xff\xff\xff", b"\0\0\0\2{}", b"\0\0\0\5hello"])
async def test_frames_that_are_no_messages(way: Edge, frame: bytes | str) -> None:
    async with connect(way.url, open_timeout=60, subprotocols=[protocol.SUBPROTOCOL]) as socket:  # type: ignore[list-item]
        await socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1002
    assert closed.value.rcvd.reason.startswith("cannot read message")


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b'{"is": "request", "id": 3, "action": {"do": "dance"}, "timeout": 1}', "unsupported"),
        (b'{"is": "request", "id": 3, "action": {"do": "goto"}, "timeout": 1}', "invalid"),
        (b'{"is": "request", "id": 3, "action": {"do": "click", "x": 1}, "timeout": 1}', "invalid"),
        (b'{"is": "request", "id": 3, "action": {"do": "where"}, "timeout": 0}', "invalid"),
    ],
)
async def test_requests_that_cannot_be_carried_out(way: Edge, request_: bytes, code: str) -> None:
    async with connect(way.url, open_timeout=60, subprotocols=[protocol.SUBPROTOCOL]) as socket:  # type: ignore[list-item]
        await socket.send(len(request_).to_bytes(4) + request_)
        answer = await socket.recv()
        assert isinstance(answer, bytes)
        message, _ = protocol.unpack_from_server(answer)
        assert isinstance(message, protocol.Failed)
        assert (message.id, message.code) == (3, code)
