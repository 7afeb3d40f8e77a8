"""Every action on a real browser."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from functional.tzafonwright.site import BIG, MEGABYTE
from tzafonwright import ActionFailed, Code, TzafonWrightClient
from tzafonwright.actions import Happening, SwitchContext

Tw = TzafonWrightClient


async def refused(code: Code, words: str, action: Callable[..., Awaitable[object]], *what: str) -> None:
    """An action fails like that, given time for one look at least: a shorter timeout may end before it."""
    for timeout in (0.3, 3, 30):
        with pytest.raises(ActionFailed) as failed:
            await action(*what, timeout=timeout)
        if failed.value.code == code and re.search(words, str(failed.value)):
            return
    pytest.fail(f"{failed.value.code}: {failed.value}")


class TestNavigation:
    async def test_there_and_back(self, tw: Tw, shop: str) -> None:
        page = await tw.goto(shop)
        assert (page.url, page.title, page.status) == (f"{shop}/", "Shop", 200)
        assert (await tw.goto(f"{shop}/nowhere")).status == 404
        assert (await tw.back()).title == "Shop"
        assert (await tw.forward()).title == "Nothing"
        assert (await tw.reload()).status == 404
        assert (await tw.where()).url == f"{shop}/nowhere"

    async def test_no_history_is_an_error(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        with pytest.raises(ActionFailed, match=r"cannot forward: there is no page after") as failed:
            await tw.forward()
        assert failed.value.code == Code.NAVIGATION

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("http://127.0.0.1:9", "ERR_UNSAFE_PORT|ERR_CONNECTION_REFUSED"),
            ("http://no.example.invalid", "ERR_NAME_NOT_RESOLVED"),
            ("nonsense", "the URL is invalid"),
            ("http://shop.example/report.csv", "it is a download"),
        ],
    )
    async def test_out_of_reach(self, tw: Tw, url: str, words: str) -> None:
        with pytest.raises(ActionFailed, match=words) as failed:
            await tw.goto(url)
        assert failed.value.code == Code.NAVIGATION
        assert "\n" not in str(failed.value)

    async def test_timeout(self, tw: Tw, shop: str) -> None:
        with pytest.raises(ActionFailed) as failed:
            await tw.goto(f"{shop}/slow?ms=60000", timeout=0.5)
        assert failed.value.code == Code.TIMEOUT

    async def test_a_page_that_sends_on(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/hop?to=/hop?to=/thanks")
        assert (await tw.wait_for_url(f"{shop}/thanks")).title == "Thanks"


class TestMouse:
    async def test_click(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.click("text=Save")
        box = await tw.evaluate("(({ x, y }) => [x + 5, y + 5])(save.getBoundingClientRect())")
        await tw.click(*box)
        assert await tw.text("#status") == "Saved 2"
        await tw.double_click("#menu")
        assert await tw.text("#status") == "Twice"

    async def test_buttons_and_modifiers(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/blank")
        await tw.evaluate("void (onmousedown = event => { document.title = `${event.button} ${event.shiftKey}` })")
        await tw.click(30, 30, button="right", modifiers=["Shift"])
        assert (await tw.where()).title == "2 true"

    @pytest.mark.parametrize(("x", "y"), [(-1, 5), (5, -1), (50_000, 5), (5, 50_000)])
    async def test_points_beside_the_page(self, tw: Tw, shop: str, x: int, y: int) -> None:
        await tw.goto(shop)
        with pytest.raises(ActionFailed, match="outside of the viewport") as failed:
            await tw.click(x, y)
        assert failed.value.code == Code.INVALID

    async def test_hover(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.hover("#menu")
        assert await tw.text("#status") == "Menu"

    async def test_drag(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/drag")
        await tw.drag((20, 20), (120, 130))
        assert (await tw.where()).title == "Dropped at 120, 130"
        await tw.drag("#box", "#goal")
        assert (await tw.where()).title == "Dropped at 340, 240"

    async def test_scroll(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/catalogue")
        await tw.scroll(0, 500)
        assert await tw.wait_for_function("() => scrollY") > 0
        with pytest.raises(ActionFailed, match="both delta_x and delta_y are 0"):
            await tw.scroll()

    async def test_what_stands_in_the_way(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        cases = {
            "button": (Code.AMBIGUOUS, r"2 elements match locator\(\"button\"\); make the selector unique"),
            "#nothing": (Code.NOT_FOUND, r"no element matches '#nothing' within [\d.]+ s"),
            "css=[[": (Code.INVALID, "while parsing"),
            "#status": (Code.NOT_ACTIONABLE, "the element is hidden"),
        }
        for target, (code, words) in cases.items():
            await refused(code, words, tw.click, target)
        await tw.evaluate("document.body.insertAdjacentHTML('beforeend', '<div style=\"position:fixed;inset:0\">')")
        await refused(Code.NOT_ACTIONABLE, "another element covers it: <div", tw.click, "#save")
        await tw.goto(f"{shop}/catalogue")
        await refused(Code.NOT_ACTIONABLE, "the element is disabled", tw.click, "text=Sold out")


class TestForms:
    async def test_keyboard(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/form")
        await tw.fill("#name", "Ada")
        await tw.type(" Lovelace", target="#name")
        await tw.press("End", target="#name")
        await tw.type("!")
        assert await tw.evaluate("document.getElementById('name').value") == "Ada Lovelace!"
        await tw.hotkey("Ctrl", "A")
        await tw.press("Del")
        assert await tw.evaluate("document.getElementById('name').value") == ""
        with pytest.raises(ActionFailed, match="Unknown key") as failed:
            await tw.press("NoSuchKey")
        assert failed.value.code == Code.INVALID

    async def test_choosing(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/form")
        assert await tw.select("#size", "Large") == ("l",)
        await tw.check("#terms")
        await tw.check("#terms")
        assert await tw.evaluate("terms.checked") is True
        await tw.uncheck("#terms")
        assert await tw.evaluate("terms.checked") is False
        await refused(Code.NOT_FOUND, "no such option", tw.select, "#size", "Huge")
        await refused(Code.NOT_ACTIONABLE, "", tw.fill, "#choose", "no field")


class TestFiles:
    async def test_upload(self, tw: Tw, shop: str, tmp_path: Path) -> None:
        await tw.goto(f"{shop}/form")
        (tmp_path / "notes.txt").write_text("hello")
        steps: list[tuple[str, int, int | None]] = []
        sent = ("large.bin", b"\xff\x00" * MEGABYTE)
        await tw.upload("#files", tmp_path / "notes.txt", sent, progress=lambda *step: steps.append(step))
        told = f"notes.txt application/octet-stream 5, large.bin application/octet-stream {2 * MEGABYTE}"
        await tw.wait_for(f"text={told}")
        assert steps[-1] == ("uploading", 2 * MEGABYTE + 5, 2 * MEGABYTE + 5)
        await tw.upload("#choose", ("chosen.txt", b"abc"))
        await tw.wait_for("text=chosen.txt application/octet-stream 3")
        with pytest.raises(ActionFailed, match="takes one file, not 2"):
            await tw.upload("#one", ("a", b""), ("b", b""))

    async def test_download_by_click(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        report = await tw.download("text=Report")
        assert (report.name, report.url, report.data) == ("report.csv", f"{shop}/report.csv", b"a,b\n1,2\n")
        assert (await tw.where()).title == "Shop"
        assert len(await tw.tabs()) == 1

    async def test_download_of_any_url(self, tw: Tw, shop: str) -> None:
        """Also of what the browser would rather show."""
        await tw.goto(shop)
        assert (await tw.download(url=f"{shop}/picture.png")).data == b"\x89PNG"
        assert (await tw.download(url=f"{shop}/report.csv")).name == "report.csv"
        assert (await tw.download(url="data:text/plain,hello")).data == b"hello"
        with pytest.raises(ActionFailed, match="the server answered 404"):
            await tw.download(url=f"{shop}/nowhere")
        with pytest.raises(ActionFailed, match="ERR_NAME_NOT_RESOLVED"):
            await tw.download(url="http://no.example.invalid/file")

    async def test_download_of_much(self, tw: Tw, shop: str) -> None:
        steps: list[tuple[str, int, int | None]] = []
        big = await tw.download(url=f"{shop}/big", progress=lambda *step: steps.append(step), timeout=60)
        assert big.size == len(big.data) == BIG * MEGABYTE
        assert big.data == b"".join(bytes([number]) * MEGABYTE for number in range(BIG))
        assert steps[-1] == ("reading", BIG * MEGABYTE, BIG * MEGABYTE)

    async def test_downloads_of_two_tabs_are_not_mixed_up(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        [first] = await tw.tabs()
        await tw.open_tab(shop)
        report, _, picture = await asyncio.gather(
            tw.download("text=Report"), tw.switch_tab(first), tw.download(url=f"{shop}/picture.png")
        )
        assert (report.name, picture.name) == ("report.csv", "picture.png")
        assert len(await tw.tabs()) == 2

    async def test_no_download(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await refused(Code.TIMEOUT, "no download began; the target may open a page", tw.download, "#save")


class TestPictures:
    async def test_screenshots(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/catalogue")
        assert (await tw.screenshot()).startswith(b"\x89PNG")
        small = await tw.screenshot(format="jpeg", quality=10)
        assert small.startswith(b"\xff\xd8")
        assert (await tw.screenshot(format="webp", quality=50))[8:12] == b"WEBP"
        assert _height(await tw.screenshot(full_page=True)) > 3000
        assert _height(await tw.screenshot(target="h1")) < 100

    async def test_pdf(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        assert (await tw.pdf(landscape=True)).startswith(b"%PDF")
        with pytest.raises(ActionFailed, match="paper format") as failed:
            await tw.pdf(format="A99")
        assert failed.value.code == Code.INVALID

    async def test_viewport(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.set_viewport(640, 480)
        assert await tw.evaluate("[innerWidth, innerHeight]") == [640, 480]
        assert _height(await tw.screenshot()) == 480
        await tw.open_tab(f"{shop}/blank")
        assert await tw.evaluate("innerWidth") == 640


def _height(png: bytes) -> int:
    return int.from_bytes(png[20:24])


class TestWaiting:
    async def test_for_elements(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.evaluate("setTimeout(() => document.body.insertAdjacentHTML('beforeend', '<i id=late>late</i>'), 200)")
        await tw.wait_for("#late")
        await tw.evaluate("setTimeout(() => document.getElementById('late').remove(), 200)")
        await tw.wait_for("#late", state="detached")
        with pytest.raises(ActionFailed) as failed:
            await tw.wait_for("#late", timeout=0.2)
        assert failed.value.code == Code.TIMEOUT

    async def test_for_pages(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.evaluate("void setTimeout(() => location.href = '/help', 100)")
        assert (await tw.wait_for_url("**/help")).title == "Help"
        await tw.wait_for_load("networkidle")
        assert await tw.wait_for_function("n => document.title + n", 1) == "Help1"


class TestReading:
    async def test_evaluate(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        assert await tw.evaluate("1 + 1") == 2
        assert await tw.evaluate("async x => ({ twice: [x, x] })", {"a": None}) == {"twice": [{"a": None}] * 2}
        for script, words in {
            "nope.x": "ReferenceError: nope is not defined",
            "throw new Error('boom')": "boom",
        }.items():
            with pytest.raises(ActionFailed, match=words) as failed:
                await tw.evaluate(script)
            assert failed.value.code == Code.SCRIPT
            assert "\n" not in str(failed.value)

    async def test_page(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        assert "<h1" in await tw.content()
        assert (await tw.text()).startswith("Shop")
        assert await tw.text("h1") == "Shop"

    async def test_large(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/large.json")
        assert len(await tw.text()) > 5_000_000

    async def test_snapshot(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/frames")
        text = (await tw.snapshot()).text
        field = re.search(r'textbox "Name" \[ref=(\w+)\]', text)
        assert field, text
        await tw.fill(f"ref={field[1]}", "through the frame")
        assert "through the frame" in (await tw.snapshot("iframe")).text
        with pytest.raises(ActionFailed, match="take a new snapshot") as failed:
            await tw.click("ref=e999")
        assert failed.value.code == Code.NOT_FOUND

    @pytest.mark.parametrize("frame", ["inner", "#frame", "iframe", "http://shop.example/form"])
    async def test_frames(self, tw: Tw, shop: str, frame: str) -> None:
        await tw.goto(f"{shop}/frames")
        assert [(one.name, one.parent) for one in await tw.frames()] == [("", ""), ("inner", f"{shop}/frames")]
        await tw.fill("#name", "inside", frame=frame)
        assert await tw.evaluate("document.getElementById('name').value", frame=frame) == "inside"


class TestState:
    async def test_cookies(self, tw: Tw, shop: str) -> None:
        await tw.set_cookies(
            {"name": "a", "value": "1", "url": shop}, {"name": "b", "value": "2", "url": "http://x.example"}
        )
        assert [cookie["name"] for cookie in await tw.cookies(shop)] == ["a"]
        assert len(await tw.cookies()) == 2
        await tw.goto(f"{shop}/echo")
        assert json.loads(await tw.text())["cookie"] == "a=1"
        await tw.clear_cookies()
        assert await tw.cookies() == []
        with pytest.raises(ActionFailed) as failed:
            await tw.set_cookies({"name": "without a place", "value": ""})
        assert failed.value.code == Code.INVALID

    async def test_storage_state(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.evaluate("localStorage.setItem('cart', '3'), document.cookie = 'id=7'")
        state = await tw.storage_state()
        await tw.evaluate("localStorage.clear()")
        await tw.clear_cookies()
        await tw.set_storage_state(state)
        assert await tw.evaluate("[localStorage.getItem('cart'), document.cookie]") == ["3", "id=7"]
        assert len(await tw.tabs()) == 1

    async def test_what_the_browser_says_of_itself(self, tw: Tw, shop: str) -> None:
        await tw.set_headers({"X-Team": "blue"})
        await tw.set_user_agent("Shopper/1.0")
        await tw.goto(f"{shop}/echo")
        assert json.loads(await tw.text())["x-team"] == "blue"
        await tw.open_tab(f"{shop}/echo")
        assert json.loads(await tw.text())["user-agent"] == "Shopper/1.0"

    async def test_place(self, tw: Tw) -> None:
        asked = """() => new Promise(done => navigator.geolocation.getCurrentPosition(
            position => done(position.coords.latitude), error => done(error.code)))"""
        await tw.goto("http://127.0.0.1/blank")  # only a page that counts as secure may ask
        await tw.set_geolocation(48.2, 16.4)
        await tw.grant_permissions("geolocation")
        assert await tw.evaluate(asked) == 48.2
        await tw.grant_permissions()
        assert await tw.evaluate("navigator.permissions.query({name: 'geolocation'}).then(p => p.state)") != "granted"
        with pytest.raises(ActionFailed, match="Unknown permission") as failed:
            await tw.grant_permissions("omniscience")
        assert failed.value.code == Code.INVALID

    async def test_dialogs(self, tw: Tw, shop: str) -> None:
        await tw.goto(f"{shop}/dialogs")
        await tw.click("text=Delete")
        assert (await tw.where()).title == "confirmed false"
        await tw.answer_dialogs(accept=True, text="Ada")
        await tw.click("text=Delete")
        assert (await tw.where()).title == "confirmed true"
        await tw.click("text=Rename")
        assert (await tw.where()).title == "named Ada"
        await tw.answer_dialogs(accept=False)
        await tw.goto(shop)
        seen = [(dialog.type, dialog.answer) for dialog in await tw.dialogs()]
        assert seen[:3] == [("confirm", "dismissed"), ("confirm", "accepted"), ("prompt", "Ada")]
        assert seen[3:] in ([], [("beforeunload", "accepted")])
        assert await tw.dialogs() == []


class TestTabs:
    async def test_all_of_it(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        first = (await tw.tabs())[0]
        second = await tw.open_tab(f"{shop}/catalogue")
        assert second.current
        assert (await tw.where()).title == "Catalogue"
        assert (await tw.switch_tab(first)).title == "Shop"
        await tw.click("text=Help")
        async with asyncio.timeout(60):
            while len(tabs := await tw.tabs()) < 3:
                pass
        assert [tab.current for tab in tabs] == [True, False, False]
        await tw.switch_tab(tabs[2])
        await tw.wait_for("h1")
        assert await tw.text("h1") == "Help"
        await tw.close_tab()
        await tw.close_tab(second)
        assert (await tw.where()).title == "Shop"
        await tw.close_tab()
        assert (await tw.where()).url == "about:blank"
        with pytest.raises(ActionFailed, match="there is no tab 't99'") as failed:
            await tw.switch_tab("t99")
        assert failed.value.code == Code.NOT_FOUND

    async def test_a_crash_ends_one_tab_only(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        await tw.open_tab()
        with pytest.raises(ActionFailed):
            await tw.goto("chrome://crash")
        assert (await tw.goto(f"{shop}/help")).title == "Help"


class TestEvents:
    async def test_topics(self, tw: Tw, shop: str) -> None:
        await tw.goto(shop)
        heard: list[Happening] = []

        async def listen() -> None:
            async for happening in tw.events("console", "network", "page", "dialog", "download"):
                heard.append(happening)
                if {"console", "network", "page", "dialog", "download"} <= {one.topic for one in heard}:
                    return

        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            while not any(one.topic == "page" for one in heard):  # listening begins a moment later
                await tw.goto(f"{shop}/news")
            await tw.evaluate("alert('hello')")
            await tw.download(url=f"{shop}/report.csv")
            await listening
        said = {(one.topic, one.data.get("text") or one.data.get("message") or one.data.get("event")) for one in heard}
        assert ("dialog", "hello") in said
        assert ("download", "began") in said
        assert ("page", "navigated") in said
        assert ("network", "response") in said
        assert {one.tab for one in heard if one.topic == "page"} == {"t1"}


async def test_contexts(tw: Tw) -> None:
    await tw.switch_context("browser")
    with pytest.raises(ActionFailed, match="this browser has no desktop") as failed:
        await tw.do(SwitchContext(context="desktop"))
    assert failed.value.code == Code.UNSUPPORTED
