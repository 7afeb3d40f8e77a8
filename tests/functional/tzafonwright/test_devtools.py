"""What goes to the browser past the driver: scripts, clicks at a place, pictures."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image

from functional.tzafonwright.stage import Edge
from tzafonwright import ActionFailed, TzafonWrightClient
from tzafonwright.actions import Listen
from tzafonwright.errors import Code

Tw = TzafonWrightClient
SIDES = ("x", "y", "width", "height", "top", "right", "bottom", "left")
EVENTS = """() => {
  window.events = [];
  for (const kind of ['mousedown', 'mouseup', 'click', 'dblclick', 'contextmenu', 'auxclick', 'keydown'])
    addEventListener(kind, event => {
      const held = ['alt', 'ctrl', 'meta', 'shift'].filter(name => event[name + 'Key']);
      window.events.push([kind, event.button ?? event.key, event.detail, ...held].join(' '));
      event.preventDefault();
    }, true);
}"""


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("undefined", None),
        ("null", None),
        ("[undefined, null, () => 1, Symbol()]", [None] * 4),
        ("({ a: undefined, b: () => 1, c: Symbol(), d: 0 })", {"d": 0}),
        ("[NaN, Infinity, -0, 1.5]", [None, None, 0, 1.5]),
        ("NaN", None),
        ("2n ** 53n - 1n", 2**53 - 1),
        ("new Date(0)", "1970-01-01T00:00:00.000Z"),
        ("new URL('http://shop.example/a')", "http://shop.example/a"),
        ("new DOMRect(1, 2, 3, 4).toJSON().bottom", 6),
        ("[new DOMRect(1, 2, 3, 4)][0]", dict(zip(SIDES, (1, 2, 3, 4, 2, 4, 6, 1), strict=True))),
        ("document.body", "ref: <Node>"),
        ("[document, window]", ["ref: <Document>", "ref: <Window>"]),
        ("'\\u2028 \\ud83d\\ude00 \\'\"`${1}'", "\u2028 \U0001f600 '\"`${1}"),
        ("let x = 1; x + 1", 2),
        ("let x = 1; x + 1 // again, and commented", 2),
        ("Promise.resolve([1])", [1]),
        ("() => new Promise(done => setTimeout(done, 10, 'late'))", "late"),
        ("function (given) { return given }", {"given": ["ü", None, 1.5]}),
        ("const one = { n: 1 }; [one, one]", [{"n": 1}, {"n": 1}]),
        ("'x'.repeat(20e6).length", 20_000_000),
    ],
)
async def test_what_scripts_give(tw: Tw, shop: str, script: str, value: object) -> None:
    await tw.goto(f"{shop}/frames")
    assert await tw.evaluate(script, {"given": ["ü", None, 1.5]}) == value
    assert await tw.evaluate(script, {"given": ["ü", None, 1.5]}, frame="inner") == value


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("(() => { const a = []; a[0] = a; return a })()", Code.SCRIPT, "no JSON: it contains itself"),
        ("2n ** 64n", Code.SCRIPT, "no JSON: 18446744073709551616n"),
        ("throw 'a word'", Code.SCRIPT, "a word"),
        ("Promise.reject(new RangeError('far'))", Code.SCRIPT, "RangeError: far"),
        ("Promise.reject()", Code.SCRIPT, "cannot evaluate"),
        ("({ get a() { throw new Error('trap') } })", Code.SCRIPT, "trap"),
        ("let a = ;", Code.INVALID, "Unexpected token"),
    ],
)
async def test_scripts_that_fail(tw: Tw, shop: str, script: str, code: Code, words: str) -> None:
    await tw.goto(f"{shop}/frames")
    for frame in (None, "inner"):
        with pytest.raises(ActionFailed, match=words) as failed:
            await tw.evaluate(script, frame=frame)
        assert failed.value.code == code
    assert await tw.evaluate("6 * 7") == 42


async def test_pages_that_forbid_scripts(tw: Tw, shop: str) -> None:
    await tw.goto(f"{shop}/strict")
    with pytest.raises(ActionFailed, match=r"EvalError|unsafe-eval|Trusted"):
        await tw.evaluate(
            "new Promise((done, fail) => setTimeout(() => { try { done(eval('1')) } catch (e) { fail(e) } }))"
        )
    assert await tw.evaluate("([a, b]) => a + b", [1, 2]) == 3


async def test_pages_that_broke_what_scripts_use(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    await tw.evaluate(
        "JSON.stringify = () => 'no'; Array.prototype.toJSON = () => 'no'; Object.prototype.toJSON = undefined"
    )
    assert await tw.evaluate("({ list: [1, { two: [2] }] })") == {"list": [1, {"two": [2]}]}


async def test_a_page_that_is_on_its_way(tw: Tw, shop: str) -> None:
    """It answers for the one before until Chromium knows, then waits; no answer is lost."""
    await tw.goto(shop)
    await tw.evaluate("location.href = '/slow?ms=500', null")
    while (title := await tw.evaluate("document.title")) == "Shop":
        pass
    assert title == "Slow"
    await tw.wait_for_url("**/slow*")
    assert await tw.evaluate("document.title") == "Slow"


async def test_what_waits_in_a_page_that_crashes(tw: Tw, way: Edge, shop: str) -> None:
    await tw.goto(shop)

    async def crash() -> None:
        async with TzafonWrightClient(way.url, timeout=30) as other:
            await other.wait_for_function("window.begun")
            with pytest.raises(ActionFailed):
                await other.goto("chrome://crash")

    waiting = tw.evaluate("(window.begun = true, new Promise(() => {}))")
    failed, _ = await asyncio.gather(waiting, crash(), return_exceptions=True)
    assert isinstance(failed, ActionFailed)
    assert (failed.code, "the tab c" in str(failed)) == (Code.CLOSED, True)
    assert await tw.evaluate("6 * 7") == 42


async def test_what_comes_after_listening_is_heard(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    for n in range(50):
        said = tw.events("console")
        first, _ = await asyncio.gather(anext(said), tw.evaluate("n => console.log('number', n)", n))
        assert first.data["text"] == f"number {n}"
        await tw.do(Listen(topics=()))


async def test_frames_of_a_moment_ago(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    for n in range(20):
        await tw.evaluate(
            "n => { document.body.append(Object.assign(document.createElement('iframe'), { name: n })) }", n
        )
        assert [frame.name for frame in await tw.frames()][-1] == str(n)
    await tw.evaluate("history.pushState({}, '', '/pushed')")
    assert (await tw.where()).url == f"{shop}/pushed"


async def _events(tw: Tw) -> list[str]:
    events: list[str] = await tw.evaluate("window.events.splice(0)")
    return events


async def test_clicks_at_a_place(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    await tw.evaluate(EVENTS)
    await tw.click(5, 5)
    assert await _events(tw) == ["mousedown 0 1", "mouseup 0 1", "click 0 1"]
    await tw.double_click(5, 5)
    once = ["mousedown 0 1", "mouseup 0 1", "click 0 1"]
    assert await _events(tw) == [*once, *(event.replace(" 1", " 2") for event in once), "dblclick 0 2"]
    await tw.click(5, 5, button="right")
    assert "contextmenu 2 0" in [event.replace(" 2 1", " 2 0") for event in await _events(tw)]
    await tw.click(5, 5, button="middle")
    assert (await _events(tw))[-1] == "auxclick 1 1"
    await tw.click(5, 5, modifiers=["Shift", "Alt"])
    assert await _events(tw) == [
        "keydown Shift 0 shift",
        "keydown Alt 0 alt shift",
        *(f"{event} alt shift" for event in once),
    ]


async def _scrolled(tw: Tw, *tops: int) -> None:
    """How far both are: a page that is slow to be drawn shows it after the wheel has turned."""
    await tw.wait_for_function("tops => String(window.tops()) === String(tops)", list(tops))


async def test_the_wheel_turns_where_the_mouse_is(tw: Tw, shop: str) -> None:
    await tw.goto(shop)
    await tw.evaluate("""() => {
      document.body.innerHTML = [0, 1].map(n => `<div id=d${n} style="position:absolute;top:0;left:${n * 200}px;
        width:150px;height:100px;overflow:auto"><div style="height:5000px">${n}</div></div>`).join('');
      window.tops = () => [0, 1].map(n => document.getElementById('d' + n).scrollTop);
    }""")
    await tw.hover("#d0")
    await tw.click(250, 50)
    await tw.text()
    await tw.scroll(delta_y=100)
    await _scrolled(tw, 0, 100)
    await tw.scroll(delta_y=100)
    await _scrolled(tw, 0, 200)
    await tw.hover("#d0")
    await tw.scroll(delta_y=100)
    await _scrolled(tw, 100, 200)


def _picture(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
async def test_pictures_show_what_is_meant(tw: Tw, shop: str, format_: Any) -> None:
    await tw.set_viewport(400, 300)
    await tw.goto(f"{shop}/frames")
    await tw.evaluate("""() => {
      document.body.innerHTML = '<div style="height:1000px;background:rgb(255,0,0)"></div>'
        + '<div id=blue style="margin:0 10.5px;width:60.2px;height:30px;background:rgb(0,0,255)"></div>'
        + '<div style="height:500px;background:rgb(0,255,0)"></div>';
      document.body.style.margin = 0;
    }""")
    view = _picture(await tw.screenshot(format=format_))
    assert view.size == (400, 300)
    assert _near(view.getpixel((200, 150)), (255, 0, 0))
    blue = _picture(await tw.screenshot(target="#blue", format=format_))
    assert blue.size == (61, 30)  # pixels that it has a part of
    assert all(_near(blue.getpixel(point), (0, 0, 255)) for point in ((8, 8), (52, 22)))
    page = _picture(await tw.screenshot(full_page=True, format=format_))
    assert page.size == (400, 1530)
    assert _near(page.getpixel((200, 1400)), (0, 255, 0))
    assert await tw.evaluate("[innerWidth, innerHeight]") == [400, 300]


def _near(pixel: Any, colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 8 for a, b in zip(pixel, colour, strict=True))


async def test_a_picture_of_what_is_in_a_frame(tw: Tw, shop: str) -> None:
    await tw.goto(f"{shop}/frames")
    await tw.evaluate("document.getElementById('name').style.background = 'rgb(0, 0, 255)'", frame="inner")
    field = _picture(await tw.screenshot(target="#name", frame="inner"))
    assert _near(field.getpixel((field.width // 2, field.height // 2)), (0, 0, 255))


async def test_two_clients_of_one_browser(tw: Tw, way: Edge, shop: str) -> None:
    await tw.goto(shop)
    async with TzafonWrightClient(way.url, timeout=30) as other:
        assert await other.evaluate("document.title") == "Shop"
        await other.click(5, 5)
    assert await tw.evaluate("6 * 7") == 42
