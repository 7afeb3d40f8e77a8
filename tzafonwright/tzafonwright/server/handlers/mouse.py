"""The mouse, on targets and at points. A point must be on the page's visible part: a click beside it does nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from playwright.async_api import Page

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.refused import Refused
from tzafonwright.server.tabs import Tab
from tzafonwright.server.targets import locate, shown

_DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
_DRAWN_WITHIN = 0.5
# Bits of the DevTools protocol.
_BUTTONS = {"left": 1, "right": 2, "middle": 4}
_MODIFIERS = {"Alt": 1, "Control": 2, "ControlOrMeta": 2, "Meta": 4, "Shift": 8}


async def click(call: Call, action: actions.Click) -> None:
    """So many times in a row."""
    if action.target is not None:
        locator = await locate(call, action.target, action.frame)
        await locator.click(
            button=action.button, click_count=action.count, modifiers=list(action.modifiers), timeout=call.ms
        )
        return
    x, y = await _point(call, action.x, action.y)
    async with _held(call.page, action.modifiers):
        await _click_at(call.tab, x, y, action)


async def _click_at(tab: Tab, x: float, y: float, action: actions.Click) -> None:
    """As Playwright does it, without its driver: all events at once, then all answers."""
    held = sum({_MODIFIERS[modifier] for modifier in action.modifiers})
    button = {"x": x, "y": y, "modifiers": held, "button": action.button}
    events: list[dict[str, object]] = [{"type": "mouseMoved", "x": x, "y": y, "modifiers": held}]
    for count in range(1, action.count + 1):
        down = {"type": "mousePressed", "buttons": _BUTTONS[action.button], "clickCount": count, "force": 0.5}
        events += [button | down, button | {"type": "mouseReleased", "clickCount": count}]
    tab.pointer = x, y
    await asyncio.gather(*[await tab.devtools.send("Input.dispatchMouseEvent", event) for event in events])


async def hover(call: Call, action: actions.Hover) -> None:
    """Over a target or a point."""
    if action.target is not None:
        locator = await locate(call, action.target, action.frame)
        await locator.hover(modifiers=list(action.modifiers), timeout=call.ms)
        return
    x, y = await _point(call, action.x, action.y)
    async with _held(call.page, action.modifiers):
        await call.page.mouse.move(x, y)


async def drag(call: Call, action: actions.Drag) -> None:
    """The button is released whatever happens on the way."""
    if action.to_point:
        await _point(call, *action.to_point)
    if action.to_target:
        end = await locate(call, action.to_target, action.frame)
        await end.wait_for(state="visible", timeout=call.ms)
    if action.from_target:
        start = await locate(call, action.from_target, action.frame)
        await start.hover(timeout=call.ms)
    else:
        await call.page.mouse.move(*await _point(call, *(action.from_point or (0, 0))))
    await call.page.mouse.down()
    try:
        x, y = action.to_point or await _centre(call, action.to_target or "", action.frame)
        await call.page.mouse.move(x, y, steps=action.steps)
    finally:
        await call.page.mouse.up()


async def scroll(call: Call, action: actions.Scroll) -> None:
    """Done when the page has been drawn anew."""
    if not action.delta_x and not action.delta_y:
        raise Refused(Code.INVALID, "both delta_x and delta_y are 0", "give the pixels to scroll by")
    if action.target is not None:
        locator = await locate(call, action.target, action.frame)
        await locator.hover(timeout=call.ms)
    elif action.x is not None or action.y is not None:
        await call.page.mouse.move(*await _point(call, action.x, action.y))
    elif call.tab.pointer:
        await call.page.mouse.move(*call.tab.pointer)
    call.tab.pointer = None
    await call.page.mouse.wheel(action.delta_x, action.delta_y)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAWN_WITHIN):
            await call.again(lambda: call.script(_DRAWN))


async def _point(call: Call, x: float | None, y: float | None) -> tuple[float, float]:
    if x is None or y is None:
        raise Refused(Code.INVALID, "a point needs both x and y")
    if call.tab.size and 0 <= x < call.tab.size[0] and 0 <= y < call.tab.size[1]:
        return x, y
    call.tab.size = width, height = await _viewport(call)
    if not (0 <= x < width and 0 <= y < height):
        hint = "scroll there first, use a target, or set a larger viewport"
        raise Refused(Code.INVALID, f"({x:g}, {y:g}) is outside of the viewport of {width} x {height}", hint)
    return x, y


async def _viewport(call: Call) -> tuple[int, int]:
    if size := call.page.viewport_size:
        return size["width"], size["height"]
    width, height = await call.again(lambda: call.script("[innerWidth, innerHeight]"))
    return width, height


async def _centre(call: Call, target: str, frame: str | None) -> tuple[float, float]:
    box = await shown(call, target, frame)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@contextlib.asynccontextmanager
async def _held(page: Page, modifiers: Sequence[str]) -> AsyncIterator[None]:
    for modifier in modifiers:
        await page.keyboard.down(modifier)
    try:
        yield
    finally:
        for modifier in reversed(modifiers):
            await page.keyboard.up(modifier)
