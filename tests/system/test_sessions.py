"""Every session gets a clean browser of its own, one after another and many at once."""

import asyncio
import time

from playwright.async_api import Playwright, async_playwright

from system.cdp import DOWNLOADS, Session, session
from system.fleet import Fleet
from system.news import eventually
from system.pageserver import FILE_NAME

IN_A_ROW = 200
AT_ONCE = 8
SECONDS = 60
LEFT_FILE = f"file://{DOWNLOADS}/{FILE_NAME}"


async def visit(fleet: Fleet, site: str, mark: str) -> str:
    """Find nothing of anyone else's, leave a target, a cookie and a file; the instance that it was."""
    async with session(fleet.ws) as client:
        assert set(await open_pages(client)) <= {"about:blank"}
        assert (await client.call("Storage.getCookies"))["cookies"] == []
        page = await client.page()
        assert await client.navigate(page, LEFT_FILE) == "net::ERR_FILE_NOT_FOUND"
        assert not await client.navigate(page, f"{site}/cookie?{mark}")
        assert await client.evaluate(page, "document.cookie") == f"mark={mark}"
        assert await client.download(page, f"{site}/file?{mark}") == "completed"
        assert not await client.navigate(page, LEFT_FILE)
        assert await client.text(page) == mark
        return await published(fleet, await client.pid())


async def visit_with_playwright(playwright: Playwright, fleet: Fleet, site: str, mark: str) -> str:
    """The same as far as its users see it."""
    browser = await playwright.chromium.connect_over_cdp(fleet.http)
    (context,) = browser.contexts
    assert {page.url for page in context.pages} <= {"about:blank"}
    assert await context.cookies() == []
    page = await context.new_page()
    await page.goto(f"{site}/cookie?{mark}")
    assert await page.evaluate("document.cookie") == f"mark={mark}"
    protocol = await browser.new_browser_cdp_session()
    processes = (await protocol.send("SystemInfo.getProcessInfo"))["processInfo"]
    instance = await published(fleet, next(each["id"] for each in processes if each["type"] == "browser"))
    await browser.close()
    return instance


async def open_pages(client: Session) -> list[str]:
    targets = (await client.call("Target.getTargets"))["targetInfos"]
    return [target["url"] for target in targets if target["type"] == "page"]


async def published(fleet: Fleet, pid: int) -> str:
    """The instance that etcd shows for a process of the host."""
    instance = await asyncio.to_thread(fleet.instance_of, pid)
    assert instance in await asyncio.to_thread(fleet.instances)
    return instance


async def test_in_a_row(fleet: Fleet, site: str) -> None:
    seen = []
    async with async_playwright() as playwright:
        for number in range(IN_A_ROW):
            if number % 10:
                seen.append(await visit(fleet, site, f"row-{number}"))
            else:
                seen.append(await visit_with_playwright(playwright, fleet, site, f"row-{number}"))
    assert len(set(seen)) == IN_A_ROW
    await eventually(lambda: fleet.browsers().keys().isdisjoint(seen))
    await fleet.whole()


async def test_at_once(fleet: Fleet, site: str) -> None:
    seen = []
    end = time.monotonic() + SECONDS

    async def client(name: int) -> None:
        while time.monotonic() < end:
            seen.append(await visit(fleet, site, f"client-{name}-{len(seen)}"))

    async with asyncio.TaskGroup() as clients:
        for name in range(AT_ONCE):
            clients.create_task(client(name), name=f"client {name}")
    print(f"{len(seen)} sessions in {SECONDS} s")
    assert len(set(seen)) == len(seen) >= AT_ONCE
    await eventually(lambda: fleet.browsers().keys().isdisjoint(seen))
    await fleet.whole()
