"""Pictures and print."""

from __future__ import annotations

import asyncio
import contextlib
import math

import msgspec
from playwright.async_api import ViewportSize

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.refused import Refused
from tzafonwright.server.targets import shown

_FONTS = "() => document.fonts.status === 'loading' ? document.fonts.ready.then(() => null) : null"
_FONTS_WITHIN = 1.0
_QUALITY = 80
_HAIR = 0.001


class _Picture(msgspec.Struct):
    data: bytes


class _Box(msgspec.Struct):
    x: float
    y: float
    width: float
    height: float


class _View(msgspec.Struct):
    page_x: float = msgspec.field(name="pageX")
    page_y: float = msgspec.field(name="pageY")


class _Layout(msgspec.Struct):
    content: _Box = msgspec.field(name="cssContentSize")
    view: _View = msgspec.field(name="cssVisualViewport")


async def screenshot(call: Call, action: actions.Screenshot) -> bytes:
    """A font that does not come holds no picture up for long."""
    if not call.tab.fonts_came:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FONTS_WITHIN):
                await call.script(_FONTS)
                call.tab.fonts_came = True
    request: dict[str, object] = {"format": action.format, "optimizeForSpeed": True}
    if action.format != "png":
        request["quality"] = _QUALITY if action.quality is None else action.quality
    if action.target is not None or action.full_page:
        clip = await _box_of(call, action.target, action.frame) if action.target else (await _layout(call)).content
        request |= {"clip": msgspec.to_builtins(clip) | {"scale": 1}, "captureBeyondViewport": True}
    return (await call.tab.devtools.call("Page.captureScreenshot", request, _Picture)).data


async def _box_of(call: Call, target: str, frame: str | None) -> _Box:
    """On the page, whatever part of it shows, in whole pixels."""
    box = await shown(call, target, frame)
    view = (await _layout(call)).view
    x, y = view.page_x + box["x"], view.page_y + box["y"]
    left, top = math.floor(x + _HAIR), math.floor(y + _HAIR)
    return _Box(left, top, math.ceil(x + box["width"] - _HAIR) - left, math.ceil(y + box["height"] - _HAIR) - top)


async def _layout(call: Call) -> _Layout:
    return await call.tab.devtools.call("Page.getLayoutMetrics", {}, _Layout)


async def pdf(call: Call, action: actions.Pdf) -> bytes:
    """As printed."""
    if not action.format.isascii():
        raise Refused(Code.INVALID, f"there is no paper format {action.format!r}")
    return await call.page.pdf(
        format=action.format, landscape=action.landscape, print_background=action.background, scale=action.scale
    )


async def set_viewport(call: Call, action: actions.SetViewport) -> None:
    """Of all tabs, and of those to come."""
    wishes = call.browser.tabs.wishes
    wishes.viewport = ViewportSize(width=action.width, height=action.height)
    for tab in call.browser.tabs.all():
        await wishes.apply(tab)
