"""Actions that are sent without waiting: their order, their time, and how they are stopped."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from functional.browser.launcher import Browser
from functional.tzafonwright.pipe import Pipe
from functional.tzafonwright.stage import daemon, edge, endpoint
from tzafonwright import ActionFailed, ActionTimeout, Code, TzafonWrightClient, actions

Tw = TzafonWrightClient
LATE = "document.body.insertAdjacentHTML('beforeend', '<button id=late onclick=\"save.click()\">Late')"


async def visit(port: int, path: str) -> None:
    """Past the browser; returns when the site has answered."""
    with await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}{path}"):
        pass


async def test_pipelined_actions_are_done_in_order(tw: Tw, shop: str) -> None:
    async with asyncio.TaskGroup() as group:
        going = group.create_task(tw.goto(shop))
        group.create_task(tw.click("#save"))
        group.create_task(tw.click("#save"))
        reading = group.create_task(tw.text("#status"))
        back = group.create_task(tw.goto(f"{shop}/help"))
        where = group.create_task(tw.where())
    assert going.result().title == "Shop"
    assert reading.result() == "Saved 2"
    assert back.result() == where.result().__class__(where.result().url, where.result().title, 200)
    assert where.result().title == "Help"


async def test_tabs_do_not_wait_for_each_other(tw: Tw, shop: str) -> None:
    """What is sent after a new tab was asked for is done there, while the first one still loads."""
    ended: list[str] = []

    async def go(name: str, url: str) -> None:
        await tw.goto(url)
        ended.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(go("held", f"{shop}/held?tab"))
        group.create_task(tw.open_tab())
        await group.create_task(go("quick", f"{shop}/help"))
        await tw.evaluate("fetch('/release?tab').then(answer => answer.text())")
    assert ended == ["quick", "held"]
    assert [(tab.title, tab.current) for tab in await tw.tabs()] == [("Held", False), ("Help", True)]


async def test_closing_a_tab_waits_for_what_is_under_way_on_it(tw: Tw, shop: str) -> None:
    async with asyncio.TaskGroup() as group:
        going = group.create_task(tw.goto(f"{shop}/slow?ms=300"))
        group.create_task(tw.close_tab())
        where = group.create_task(tw.where())
    assert going.result().title == "Slow"
    assert where.result().url == "about:blank"


async def test_a_cancelled_action_is_not_done_later(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await tw.click("#late")
    await tw.evaluate(LATE)
    await tw.wait_for("#late")
    with pytest.raises(ActionTimeout):
        await tw.wait_for("#status >> text=Saved", timeout=0.5)


@pytest.fixture
def pipe(tmp_path: Path) -> Pipe:
    return Pipe(tmp_path)


@pytest.fixture
async def held(pipe: Pipe, tmp_path: Path, browser: Browser, shop: str) -> AsyncIterator[Tw]:
    """A client of a server whose driver can be kept from hearing what it is told; scripts go past the driver."""
    with pipe.laid(), daemon(tmp_path, PLAYWRIGHT_NODEJS_PATH=str(pipe.program)) as server:
        async with edge(server.path, endpoint(browser)) as way, Tw(way.url, timeout=30) as tw:
            await tw.goto(shop)
            await tw.evaluate("null")
            yield tw


async def test_a_click_that_the_driver_is_late_to_give_up_is_not_done(held: Tw, pipe: Pipe) -> None:
    async def never() -> None:
        with pytest.raises(ActionTimeout):
            await held.evaluate(f"({LATE}, new Promise(clicked => save.onclick = clicked))", timeout=2)

    async with asyncio.TaskGroup() as group:
        clicking = group.create_task(held.click("#late"))
        await held.do(actions.Listen(topics=()))  # answered once the driver looks for it
        pipe.hold()
        clicking.cancel()
        either = [group.create_task(never()), group.create_task(pipe.comes("cookies"))]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        pipe.flow()


async def test_a_navigation_that_the_driver_is_late_to_begin_is_stopped(
    held: Tw, pipe: Pipe, shop: str, port: int
) -> None:
    async with asyncio.TaskGroup() as group:
        pipe.hold()
        going = group.create_task(held.goto(f"{shop}/held?late"))
        await pipe.comes("goto")
        going.cancel()
        either = [group.create_task(held.evaluate("null")), group.create_task(pipe.comes("cookies"))]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        pipe.let()
        await visit(port, "/asked?late")  # it has begun all the same
        pipe.flow()
    await visit(port, "/release?late")
    with pytest.raises(ActionTimeout):
        await held.wait_for_url("**/held*", timeout=1.5)
    assert (await held.where()).title == "Shop"


async def test_cancelling_acts_at_once(tw: Tw, shop: str) -> None:
    """Also while others wait behind, and for those that wait themselves."""
    await tw.goto(shop)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(tw.wait_for("#never", timeout=600))
        behind = group.create_task(tw.click("#save"))
        after = group.create_task(tw.text("#status"))
        await tw.do(actions.Listen(topics=()))  # taken up after the three
        behind.cancel()
        waiting.cancel()
    assert after.result() == ""


async def test_a_cancelled_navigation_stops(tw: Tw, shop: str, port: int) -> None:
    await tw.goto(shop)
    await tw.evaluate("null")  # what stops it goes the way of scripts, which is open now
    async with asyncio.TaskGroup() as group:
        going = group.create_task(tw.goto(f"{shop}/held?navigation"))
        await visit(port, "/asked?navigation")
        going.cancel()
    await tw.evaluate("fetch('/release?navigation').then(answer => answer.text())")  # taken up after the end of it
    with pytest.raises(ActionTimeout):
        await tw.wait_for_url("**/held*", timeout=1.5)
    assert (await tw.where()).title == "Shop"


async def test_time_counts_from_arrival(tw: Tw, shop: str, port: int) -> None:
    async def behind() -> None:
        with pytest.raises(ActionTimeout, match="the actions before it took all of its time"):
            await tw.where(timeout=0.3)
        await visit(port, "/release?time")

    held, _, after = await asyncio.gather(tw.goto(f"{shop}/held?time"), behind(), tw.where())
    assert (held.title, after.title) == ("Held", "Held")


async def test_a_script_that_never_ends_is_given_up_in_time(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    with pytest.raises(ActionTimeout, match="cannot evaluate: not done within"):
        await tw.evaluate("new Promise(() => {})", timeout=0.5)
    assert await tw.evaluate("6 * 7") == 42


async def test_a_page_that_hangs_does_not_hang_the_session(tw: Tw, shop: str, port: int) -> None:
    await tw.goto(shop)
    await tw.evaluate("null")  # the next one is sent without waiting for anything
    with pytest.raises(ActionTimeout):
        await tw.evaluate(
            """() => {
              const asking = new XMLHttpRequest();
              asking.open('GET', '/release?hang', false), asking.send();
              for (;;);
            }""",
            timeout=0.5,
        )
    await visit(port, "/held?hang")  # it runs
    with pytest.raises(ActionFailed):
        await tw.click("#save", timeout=0.5)
    await tw.open_tab(f"{shop}/help")
    assert (await tw.where()).title == "Help"


async def test_evaluating_goes_on_after_a_navigation(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    assert (
        await tw.evaluate(
            """() => {
            if (document.title === 'Help') return 'there';
            location.href = '/help';
            return new Promise(() => {});
        }"""
        )
        == "there"
    )


async def test_many_at_once(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    answers = await asyncio.gather(*(tw.evaluate("n => n", n) for n in range(500)))
    assert answers == list(range(500))


async def test_what_is_no_json(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    with pytest.raises(ActionFailed, match="what it gives is no JSON") as failed:
        await tw.evaluate("(() => { const a = {}; a.a = a; return a })()")
    assert failed.value.code == Code.SCRIPT
    with pytest.raises(ActionFailed, match="too large") as failed:
        await tw.evaluate("'x'.repeat(33 * 1024 * 1024)")
    assert failed.value.code == Code.UNSUPPORTED
