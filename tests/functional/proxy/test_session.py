"""Sessions, from a client's connect to the end of its browser."""

from __future__ import annotations

import asyncio
import json

import pytest
from playwright.async_api import async_playwright
from websockets.exceptions import ConnectionClosed, InvalidStatus

from functional.proxy.conftest import Cdp, Start, served_all

SESSION = "a-session-of-our-own"


async def test_playwright_connects_over_http_and_over_ws(start: Start) -> None:
    async with start(slots=2) as site, async_playwright() as playwright:
        for url in (site.http, site.ws, f"{site.ws}/devtools/browser"):
            browser = await playwright.chromium.connect_over_cdp(url)
            page = await browser.new_page()
            await page.goto("data:text/html,<title>here</title><h1>hello</h1>")
            assert await page.title() == "here"
            assert await page.screenshot()
            await browser.close()
        await site.pool.wait_for(lambda: len(site.pool.past) == 3)
        assert len({life.instance for life in site.pool.past}) == 3
        assert {life.released for life in site.pool.past} == {"client left"}


@pytest.mark.parametrize("path", ["/", "/devtools/browser", "/devtools/browser/", f"/devtools/browser/{SESSION}"])
async def test_every_browser_path_gives_a_browser(start: Start, path: str) -> None:
    async with start() as site, site.connect(path) as ws:
        assert "HeadlessChrome" in str((await Cdp(ws).call("Browser.getVersion"))["product"])


async def test_browser_dies_with_its_session(start: Start) -> None:
    async with start() as site:
        async with site.connect() as ws:
            await Cdp(ws).call("Browser.getVersion")
            (life,) = await site.pool.used()
        async with asyncio.timeout(20):
            await life.gone.wait()
        assert life.released == "client left"


async def test_two_clients_never_share_a_browser(start: Start) -> None:
    async with start(slots=3) as site:
        seen: list[str] = []

        async def use() -> None:
            for _ in range(4):
                async with site.connect() as ws:
                    cdp = Cdp(ws)
                    targets = (await cdp.call("Target.getTargets"))["targetInfos"]
                    assert [target["url"] for target in targets] == ["about:blank"]
                    await cdp.call("Target.createTarget", {"url": "data:text/html,mine"})
                    seen.append(str(targets[0]["targetId"]))

        async with asyncio.TaskGroup() as group:
            for _ in range(5):
                group.create_task(use())
        assert len(set(seen)) == 20


async def test_join_by_id_and_page_socket(start: Start) -> None:
    async with start() as site, site.connect(f"/devtools/browser/{SESSION}") as first:
        target = await Cdp(first).call("Target.createTarget", {"url": "about:blank"})
        async with site.connect(f"/devtools/browser/{SESSION}") as second:
            infos = (await Cdp(second).call("Target.getTargets"))["targetInfos"]
            assert target["targetId"] in [info["targetId"] for info in infos]
        _, _, body = await site.get(f"/json/list?session={SESSION}")
        urls = {item["id"]: item["webSocketDebuggerUrl"] for item in json.loads(body)}
        path = f"/devtools/page/{target['targetId']}?session={SESSION}"
        assert urls[target["targetId"]] == site.ws + path
        async with site.connect(path) as page:
            answer = await Cdp(page).call("Runtime.evaluate", {"expression": "6 * 7"})
            assert answer["result"]["value"] == 42
        assert len(site.pool.past) == 0
        await Cdp(first).call("Browser.getVersion")


async def test_client_that_dropped_finds_its_session_though_another_failed_to_join(start: Start) -> None:
    path = f"/devtools/browser/{SESSION}"
    async with start(session_grace=60.0) as site:
        ws = await site.connect(path).__aenter__()
        await Cdp(ws).call("Browser.getVersion")
        (life,) = await site.pool.used()
        ws.transport.abort()
        await served_all()
        with pytest.raises(InvalidStatus) as refused:
            await site.connect(f"/devtools/page/ABC?session={SESSION}").__aenter__()
        assert refused.value.response.status_code == 404
        await served_all()
        async with site.connect(path) as again:
            await Cdp(again).call("Browser.getVersion")
            assert site.pool.in_use() == [life]


@pytest.mark.usefixtures("ends_are_heard_of")
async def test_crash_is_named_in_the_close_frame(start: Start) -> None:
    async with start() as site, site.connect() as ws:
        await Cdp(ws).call("Browser.getVersion")
        (life,) = await site.pool.used()
        life.process.kill()
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
            1011,
            "browser crashed: killed by signal 9 (SIGKILL)",
        )


@pytest.mark.usefixtures("ends_are_heard_of")
async def test_browser_closed_by_its_client_is_no_error(start: Start) -> None:
    async with start() as site, site.connect() as ws:
        await Cdp(ws).call("Browser.close")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1000


@pytest.mark.usefixtures("ends_are_heard_of")
async def test_ended_session_is_gone(start: Start) -> None:
    async with start() as site:
        async with site.connect(f"/devtools/browser/{SESSION}") as ws:
            await Cdp(ws).call("Browser.close")
            with pytest.raises(ConnectionClosed):
                await ws.recv()
        status, _, _ = await site.get(f"/json/list?session={SESSION}")
        assert status == "HTTP/1.1 410 cannot join the session, it has ended: browser exited: exited by itself"


@pytest.mark.parametrize("compress", [False, True])
async def test_compression_is_the_hosts_choice(start: Start, *, compress: bool) -> None:
    """Playwright offers it; a client that is refused sends and gets messages as they are."""
    async with start(1, compress=compress) as site, site.connect(compression="deflate") as ws:
        agreed = [extension.name for extension in ws.protocol.extensions]
        assert agreed == (["permessage-deflate"] if compress else [])
        page = await Cdp(ws).call("Target.createTarget", {"url": "data:text/html," + "x" * 50_000})
        assert page["targetId"]
