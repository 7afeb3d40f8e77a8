"""The tzafonwright edge: clients of both versions, the real server, real browsers behind it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from functional.etcd.cluster import freeze
from functional.proxy.conftest import LATE, Cdp, Start
from functional.proxy.test_assigned import assign, served
from functional.tzafonwright.endless import endless
from functional.tzafonwright.stage import Daemon, daemon
from tzafonwright import (
    ActionType,
    BrowserLost,
    Command,
    ConnectionLost,
    Result,
    ServerLost,
    TzafonWrightClient,
)
from waypoint_core.address import joined, split
from waypoint_core.model import ClaimKind

SESSION = "a-session-of-two-edges"
UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
TITLED = "data:text/html,<title>here</title>"


async def titles(cdp: Cdp, awaited: str) -> list[str]:
    """The pages' titles, once this one is among them: the browser hears of it from the page, as its client does."""
    found: list[str] = []
    async with asyncio.timeout(20):
        while awaited not in found:
            targets = await cdp.call("Target.getTargets")
            found = [info["title"] for info in targets["targetInfos"] if info["type"] == "page"]
    return found


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with daemon(tmp_path_factory.mktemp("server")) as running:
        yield running


async def test_a_session_has_a_browser_of_its_own_which_goes_with_it(start: Start, server: Daemon) -> None:
    async with start(2, server.path) as site:
        async with TzafonWrightClient(site.tw) as one, TzafonWrightClient(site.tw) as two:
            await one.goto(TITLED)
            assert await one.evaluate("document.title") == "here"
            assert await two.evaluate("document.title") == ""
            lives = await site.pool.used(2)
        for life in lives:
            await asyncio.wait_for(life.gone.wait(), 20)
            assert life.released == "client left"


async def test_a_client_of_the_first_version(start: Start, server: Daemon) -> None:
    async with start(1, server.path) as site, connect(site.tw, compression=None, open_timeout=40) as ws:
        await ws.send(Command(ActionType.GOTO, url=TITLED).dump())
        assert Result.load(await ws.recv()).success
        await ws.send(Command(ActionType.SCREENSHOT).dump())
        picture = Result.load(await ws.recv()).image
        assert picture is not None
        assert picture.startswith(b"\xff\xd8\xff")


async def test_one_session_from_both_edges(start: Start, server: Daemon) -> None:
    async with start(1, server.path) as site:
        async with TzafonWrightClient(f"{site.tw}/session/{SESSION}") as tw:
            await tw.goto(TITLED)
            async with site.connect(f"/devtools/browser/{SESSION}") as ws:
                assert await titles(Cdp(ws), "here") == ["here"]
            assert await tw.evaluate("1 + 1") == 2
            [life] = await site.pool.used(1)
        await asyncio.wait_for(life.gone.wait(), 20)


async def test_a_session_of_the_cdp_edge_is_joined(start: Start, server: Daemon) -> None:
    async with start(1, server.path) as site, site.connect(f"/devtools/browser/{SESSION}") as ws:
        async with TzafonWrightClient(f"{site.tw}/devtools/browser/{SESSION}") as tw:
            await tw.goto(TITLED)
        assert await titles(Cdp(ws), "here")


async def test_the_browser_is_what_the_proxy_says_whatever_a_client_says(start: Start, server: Daemon) -> None:
    headers = {"X-WayPoint-Endpoint": "ws://127.0.0.1:9/devtools/browser/of-another", "X-WayPoint-Instance": "another"}
    asked = {"additional_headers": headers, "compression": None, "open_timeout": 40}
    async with start(1, server.path) as site, connect(site.tw, **asked) as ws:
        await ws.send(Command(ActionType.GOTO, url=TITLED).dump())
        assert Result.load(await ws.recv()).success


async def test_a_browser_that_is_no_good_is_exchanged(start: Start, server: Daemon) -> None:
    async with start(2, server.path) as site:
        lives = await site.pool.until(2, held=True)
        # It accepts connections, its socket being open, and says nothing.
        freeze(lives[0].process)
        async with TzafonWrightClient(site.tw, connect_timeout=40) as tw:
            assert await tw.evaluate("1 + 1") == 2


@pytest.mark.usefixtures("ends_are_heard_of")
async def test_why_a_browser_ended(start: Start, server: Daemon) -> None:
    async with start(1, server.path) as site, TzafonWrightClient(site.tw) as tw, asyncio.TaskGroup() as group:
        await tw.goto(TITLED)
        [life] = await site.pool.used(1)
        ended = await endless(tw, group)
        freeze(server.process)  # it leaves the proxy a second to say why, and then ends the session itself
        life.kill()
        async with asyncio.timeout(20):
            await ended
        server.process.send_signal(signal.SIGCONT)
        assert isinstance(ended.result(), BrowserLost)
        assert "browser crashed: killed by signal 9 (SIGKILL)" in str(ended.result())


async def test_a_server_that_ends_takes_only_its_sessions(start: Start, server: Daemon) -> None:
    async with start(2, server.path) as site, site.connect() as ws:
        [other] = await site.pool.used(1)
        async with TzafonWrightClient(site.tw) as tw, asyncio.TaskGroup() as group:
            [life] = set(await site.pool.used(2)) - {other}
            ended = await endless(tw, group)
            server.process.kill()
            async with asyncio.timeout(20):
                assert isinstance(await ended, ServerLost)
            assert "server closed the connection" in str(ended.result())
        await asyncio.wait_for(life.gone.wait(), 20)
        await Cdp(ws).call("Browser.getVersion")


async def test_without_a_server_no_browser_is_spent(start: Start) -> None:
    async with start(1) as site:
        [life] = await site.pool.until(1, held=True)
        with pytest.raises(InvalidStatus) as refused:
            await connect(site.tw)
        assert refused.value.response.status_code == 503
        assert b"start waypoint-tzafonwright.socket" in refused.value.response.body
        assert not life.released
        with pytest.raises(ConnectionLost, match="503"):
            await TzafonWrightClient(site.tw).connect()


async def test_a_busy_fleet_says_so(start: Start, server: Daemon) -> None:
    async with start(1, server.path, upgrade_timeout=LATE) as site:
        await site.pool.until(1, held=True)
        async with TzafonWrightClient(site.tw):
            with pytest.raises(ConnectionLost, match="503"):
                await TzafonWrightClient(site.tw).connect()


async def test_a_client_that_leaves_while_the_driver_attaches_leaves_nothing(start: Start, server: Daemon) -> None:
    async with start(1, server.path) as site:
        [life] = await site.pool.until(1, held=True)
        freeze(life.process)
        await site.proxy.reserve.look()
        _, writer = await asyncio.open_connection("127.0.0.1", site.tzafonwright)
        writer.write("\r\n".join(["GET / HTTP/1.1", "Host: x", *UPGRADE, "", ""]).encode())
        async with asyncio.timeout(20):
            while len(site.proxy.reserve):  # until it is taken
                await site.reserve_changed.turn()
        writer.close()
        await asyncio.wait_for(life.gone.wait(), 20)
        async with TzafonWrightClient(site.tw) as tw:
            assert await tw.evaluate("1 + 1") == 2


async def test_a_browser_of_its_own_address_is_served_in_both_protocols(start: Start, server: Daemon) -> None:
    async with start(1, server.path, reserve=0) as site:
        [life] = await site.pool.until(1)
        await assign(site, life, ClaimKind.DIRECT)
        address = await served(site, life)
        host, port = split(address)
        async with TzafonWrightClient(f"ws://{joined(host, port + 4000)}") as tw:
            await tw.goto(TITLED)
            async with connect(f"ws://{address}/", compression=None, open_timeout=40) as ws:
                assert await titles(Cdp(ws), "here")
        await asyncio.wait_for(life.gone.wait(), 20)
