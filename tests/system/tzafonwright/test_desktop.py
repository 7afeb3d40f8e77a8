"""Browsers that are windows on desktops: one connection drags and types on the screen, and goes on in the browser."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from PIL import Image

from system.news import PATIENCE, eventually
from system.tzafonwright.conftest import SCREEN, edge_of
from tzafonwright import ActionFailed, ActionTimeout, BrowserLost, Code, TzafonWrightClient
from waypoint_lab import Host

MOVED_BY = (220, 140)
MAGENTA = (255, 0, 255)
PLACE = "[screenX, screenY, outerWidth, outerHeight, innerHeight]"


@pytest.fixture
async def tw(desktops: Host) -> AsyncIterator[TzafonWrightClient]:
    async with TzafonWrightClient(edge_of(desktops), timeout=60, connect_timeout=90) as client:
        yield client


async def screen(tw: TzafonWrightClient) -> Image.Image:
    return Image.open(io.BytesIO(await tw.screenshot())).convert("RGB")


async def shown(tw: TzafonWrightClient, at: tuple[int, int], no_more: tuple[int, int] = (0, 0)) -> Image.Image:
    """The picture in which the notes are there: who looks at a screen is told by nobody when it changes."""
    async with asyncio.timeout(PATIENCE):
        while (picture := await screen(tw)).getpixel(at) != MAGENTA or picture.getpixel(no_more) == MAGENTA:
            pass
    return picture


async def opened(tw: TzafonWrightClient) -> str:
    """The tab of the notes."""
    async with asyncio.timeout(PATIENCE):
        while not (found := [tab.id for tab in await tw.tabs() if "/notes" in tab.url]):
            pass
    return found[0]


async def placed(tw: TzafonWrightClient) -> list[int]:
    """PLACE, once two looks agree."""
    before = None
    async with asyncio.timeout(PATIENCE):
        while (place := await tw.evaluate(PLACE)) != before:
            before = place
    return place


async def test_a_window_is_dragged_and_typed_into(tw: TzafonWrightClient, shop: str) -> None:
    await tw.goto(f"{shop}/desk")
    await tw.click("#open")
    await tw.switch_tab(await opened(tw))
    await tw.wait_for("#note")
    x, y, width, height, inner = await placed(tw)
    middle = (x + width // 2, y + height // 2)

    await tw.switch_context("desktop")
    assert (await shown(tw, middle)).size == SCREEN
    grip = (x + width // 2, y - 10)  # its title, which the window manager drew above it
    await tw.drag(grip, (grip[0] + MOVED_BY[0], grip[1] + MOVED_BY[1]))
    await shown(tw, (middle[0] + MOVED_BY[0], middle[1] + MOVED_BY[1]), no_more=(x + 5, y + height // 2))
    await tw.click(x + MOVED_BY[0] + 40, y + MOVED_BY[1] + (height - inner) + 20)
    await tw.switch_context("browser")
    await tw.wait_for_function("document.activeElement === note")
    await tw.switch_context("desktop")
    await tw.type("helo world")
    await tw.press("Control+a")
    await tw.type("Hello, World!")
    await tw.press("Shift+Home")
    await tw.press("Control+x")
    await tw.press("Control+v")
    await tw.press("Control+v")

    await tw.switch_context("browser")
    await tw.wait_for_function("note.value === 'Hello, World!Hello, World!'")
    moved_x, moved_y, *_ = await placed(tw)
    assert max(abs(moved_x - x - MOVED_BY[0]), abs(moved_y - y - MOVED_BY[1])) < 8


async def test_what_a_desktop_refuses(tw: TzafonWrightClient) -> None:
    await tw.switch_context("desktop")
    with pytest.raises(ActionFailed, match=rf"cannot click: there is no {SCREEN[0]}, 5 on a screen of") as failed:
        await tw.click(SCREEN[0], 5)
    assert failed.value.code == Code.INVALID
    with pytest.raises(ActionFailed, match=r"switch_context\('browser'\) first") as failed:
        await tw.goto("about:blank")
    assert failed.value.code == Code.UNSUPPORTED


@pytest.mark.parametrize(("chosen", "begins"), [("png", b"\x89PNG"), ("jpeg", b"\xff\xd8\xff"), ("webp", b"RIFF")])
async def test_pictures(tw: TzafonWrightClient, chosen: str, begins: bytes) -> None:
    await tw.switch_context("desktop")
    assert (await tw.screenshot(format=chosen)).startswith(begins)


def displays(host: Host) -> set[str]:
    """Process ids of its screens."""
    return set(host.run("pgrep", "Xvfb", check=False).stdout.split())


async def test_desktops_are_strangers_and_die_with_their_session(desktops: Host, shop: str) -> None:
    address, middle = edge_of(desktops), (SCREEN[0] // 2, SCREEN[1] // 2)
    async with TzafonWrightClient(address, timeout=60, connect_timeout=90) as one:
        await one.goto(f"{shop}/notes")
        await one.switch_context("desktop")
        await shown(one, middle)
        async with TzafonWrightClient(address, timeout=60, connect_timeout=90) as two:
            await two.switch_context("desktop")
            assert (await screen(two)).getpixel(middle) != MAGENTA
            used = displays(desktops)
            assert len(used) == 2
        assert "@/tmp/.X11-unix" not in desktops.run("ss", "-Hxl").stdout, "a display that other slots reach"
    await eventually(lambda: displays(desktops).isdisjoint(used))


async def test_a_page_has_webgl(tw: TzafonWrightClient) -> None:
    drawn = "document.createElement('canvas').getContext('webgl') !== null"
    assert await tw.evaluate(drawn)


async def test_what_is_cancelled_or_late_is_not_done_later(tw: TzafonWrightClient, shop: str) -> None:
    await tw.goto(f"{shop}/notes")
    await tw.click("#note")
    await tw.switch_context("desktop")
    with pytest.raises(ActionTimeout):
        await tw.type("x" * 100, delay=0.05, timeout=0.3)
    await tw.type("<end>")
    await tw.switch_context("browser")
    await tw.wait_for_function("note.value.endsWith('<end>')")
    typed = await tw.evaluate("note.value")
    assert typed.strip("x") == "<end>"
    assert len(typed) < 50


async def test_the_browser_of_a_desktop_is_as_good_as_any(tw: TzafonWrightClient, shop: str) -> None:
    await tw.goto(f"{shop}/")
    await tw.goto(f"{shop}/catalogue")
    assert (await tw.back()).title == "Shop"
    assert (await tw.forward()).title == "Catalogue"
    await tw.close_tab()
    assert (await tw.goto(f"{shop}/")).title == "Shop"


async def test_events_come_whichever_context_is_current(tw: TzafonWrightClient) -> None:
    await tw.switch_context("desktop")
    async with asyncio.TaskGroup() as group:
        heard = group.create_task(anext(tw.events("console")))
        await tw.switch_context("browser")
        await tw.evaluate("console.log('hello')")
        assert (await heard).data["text"] == "hello"


async def hovering(client: TzafonWrightClient) -> None:
    while True:
        with suppress(ActionFailed):
            await client.hover(5, 5)


async def test_a_browser_that_dies_takes_its_desktop_along(desktops: Host) -> None:
    client = TzafonWrightClient(edge_of(desktops), timeout=60, connect_timeout=90)
    await client.connect()
    await client.switch_context("desktop")
    desktops.run("pkill", "--signal=KILL", "Xvfb")
    with pytest.raises(BrowserLost):
        await hovering(client)
    await client.close()
