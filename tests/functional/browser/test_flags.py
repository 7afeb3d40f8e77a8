"""With the launcher's flags every feature of a browser still works, and the sandbox is on."""

import struct
from base64 import b64encode
from pathlib import Path

import pytest
from playwright.async_api import Browser as Client
from playwright.async_api import BrowserContext, Page

from functional.browser.launcher import Browser
from functional.browser.pages import (
    AUDIO,
    PIXEL,
    POSITION,
    STORAGE,
    TEXTURES,
    USE_SERVICE_WORKER,
    USE_SHARED_WORKER,
    VIDEO,
    WEBGL,
    WORKER,
    Sites,
)

GREEN = [0, 128, 0]
NAMESPACES = ("user", "pid", "net")


async def test_navigates_clicks_and_types(page: Page, sites: Sites) -> None:
    await page.goto(f"{sites.here}/form")
    assert await page.title() == "Form"
    await page.type("#name", "world")
    await page.click("button")
    assert await page.title() == "Hello world"
    await page.goto(f"{sites.elsewhere}/blank")
    await page.go_back()
    assert page.url == f"{sites.here}/form"


async def test_takes_screenshots(page: Page, sites: Sites) -> None:
    await page.set_viewport_size({"width": 400, "height": 300})
    await page.goto(f"{sites.here}/form")
    png, whole, jpeg = (
        await page.screenshot(),
        await page.screenshot(full_page=True),
        await page.screenshot(type="jpeg"),
    )
    assert size(png) == (400, 300)
    assert size(whole)[1] > 3000
    assert await last_pixel(page, "png", png) == GREEN
    assert await last_pixel(page, "png", whole) == GREEN
    assert await last_pixel(page, "jpeg", jpeg) == pytest.approx(GREEN, abs=3)


async def test_prints_a_pdf(page: Page, sites: Sites) -> None:
    await page.goto(f"{sites.here}/form")
    pdf = await page.pdf()
    assert pdf.startswith(b"%PDF-")
    assert b"%%EOF" in pdf[-16:]


async def test_downloads(page: Page, sites: Sites, browser: Browser) -> None:
    await page.goto(f"{sites.here}/form")
    async with page.expect_download() as expected:
        await page.click("a")
    download = await expected.value
    assert await download.failure() is None
    assert download.suggested_filename == "report.txt"
    assert "quarterly" in [file.read_text() for file in (browser.root / "tmp").glob("playwright-artifacts-*/*")]


async def test_contexts_share_no_cookies(client: Client, sites: Sites) -> None:
    contexts = [client.contexts[0], await client.new_context(), await client.new_context()]
    for number, context in enumerate(contexts):
        page = await context.new_page()
        await page.goto(sites.here)
        assert await page.evaluate("document.cookie") == ""
        await page.evaluate(f"document.cookie = 'owner={number}'")
    for number, context in enumerate(contexts):
        assert await context.pages[0].evaluate("document.cookie") == f"owner={number}"


async def test_keeps_local_and_indexed_storage(page: Page, sites: Sites) -> None:
    await page.goto(sites.here)
    assert await page.evaluate(STORAGE) == ["local", "indexed"]


@pytest.mark.parametrize("kind", ["webgl", "webgl2"])
async def test_draws_with_webgl(page: Page, kind: str) -> None:
    assert await page.evaluate(WEBGL, kind) == [255, 0, 255, 255]


async def test_draws_from_thousands_of_textures(page: Page) -> None:
    assert await page.evaluate(TEXTURES, 5000) == {"wrong": [], "error": 0, "lost": False}


async def test_records_and_plays_video(page: Page, sites: Sites) -> None:
    await page.goto(sites.here)
    played = await page.evaluate(VIDEO)
    assert played["time"] > 0.2
    assert played["frames"] > 2
    red, green, blue, alpha = played["pixel"]
    assert red > 230
    assert max(green, blue) < 25
    assert alpha == 255


async def test_plays_web_audio(page: Page) -> None:
    heard = await page.evaluate(AUDIO)
    assert heard["peak"] > 0.9
    assert heard["state"] == "running"
    assert heard["time"] > 0.1


async def test_runs_workers(page: Page, sites: Sites) -> None:
    await page.goto(sites.here)
    assert await page.evaluate(WORKER) == 42
    assert await page.evaluate(USE_SHARED_WORKER) == 42
    await page.evaluate(USE_SERVICE_WORKER)
    await page.reload()
    assert await page.evaluate("fetch('/anything').then(answer => answer.text())") == "from the worker"


async def test_isolates_a_frame_of_another_site(page: Page, sites: Sites, browser: Browser, client: Client) -> None:
    await page.goto(f"{sites.here}/frame")
    frame = page.frames[1]
    assert await frame.title() == "Form"
    await frame.type("#name", "frame")
    await frame.click("button")
    assert await frame.title() == "Hello frame"
    targets = await (await client.new_browser_cdp_session()).send("Target.getTargets", {"filter": [{}]})
    assert "iframe" in [target["type"] for target in targets["targetInfos"]]  # it has a process of its own
    assert len(renderers(browser)) >= 2


async def test_asks_for_permissions(context: BrowserContext, page: Page, sites: Sites) -> None:
    await page.goto(sites.here)
    state = "navigator.permissions.query({ name: 'geolocation' }).then(permission => permission.state)"
    assert await page.evaluate(state) in ("prompt", "denied")
    await context.grant_permissions(["geolocation"])
    await context.set_geolocation({"latitude": 48.5, "longitude": 9.0})
    assert await page.evaluate(state) == "granted"
    assert await page.evaluate(POSITION) == 48.5


async def test_answers_dialogs(page: Page) -> None:
    page.on("dialog", lambda dialog: dialog.accept("blue"))
    assert await page.evaluate("prompt('Favourite colour?')") == "blue"


async def test_survives_a_crashed_page(client: Client, sites: Sites) -> None:
    doomed, other = await (await client.new_context()).new_page(), await (await client.new_context()).new_page()
    await other.goto(sites.here)
    async with doomed.expect_event("crash"):
        with pytest.raises(Exception, match=r"crash|ERR_ABORTED"):
            await doomed.goto("chrome://crash")
    assert await other.evaluate("6 * 7") == 42


async def test_renderers_are_sandboxed(page: Page, sites: Sites, browser: Browser) -> None:
    await page.goto(f"{sites.here}/frame")
    found = renderers(browser)
    assert found
    for pid in found:
        status = proc(pid, "status").read_text()
        assert "\nSeccomp:\t2\n" in status
        assert "\nNoNewPrivs:\t1\n" in status
        assert "\nCapEff:\t0000000000000000\n" in status
        for namespace in NAMESPACES:
            assert inode(pid, namespace) != inode(browser.pid, namespace)


async def test_runs_as_few_processes_none_of_them_unsandboxed(page: Page, browser: Browser) -> None:
    kinds = [
        argument for pid in browser.processes() for argument in command_line(pid) if argument.startswith("--type=")
    ]
    assert set(kinds) == {"--type=zygote", "--type=renderer"}
    for pid in browser.processes():
        assert proc(pid).stat().st_uid != 0
        assert not any("no-sandbox" in argument or "no-zygote-sandbox" in argument for argument in command_line(pid))


def proc(pid: int, *names: str) -> Path:
    return Path("/proc", str(pid), *names)


def renderers(browser: Browser) -> list[int]:
    return [pid for pid in browser.processes() if "--type=renderer" in command_line(pid)]


def command_line(pid: int) -> list[str]:
    """Arguments of a process; those that a zygote forked rewrote theirs, with blanks between."""
    return proc(pid, "cmdline").read_text().replace("\0", " ").split()


def inode(pid: int, namespace: str) -> int:
    return proc(pid, "ns", namespace).stat().st_ino


def size(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", png[16:24])
    return width, height


async def last_pixel(page: Page, kind: str, image: bytes) -> list[int]:
    """Colour of an image's lower right corner, as the browser itself reads it."""
    colour: list[int] = await page.evaluate(PIXEL, f"data:image/{kind};base64,{b64encode(image).decode()}")
    return colour
