"""Pictures and print."""

from __future__ import annotations

import asyncio
import contextlib

from playwright.async_api import ViewportSize

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.refused import Refused
from tzafonwright.server.targets import locate

_FONTS = "() => document.fonts.status === 'loading' ? document.fonts.ready.then(() => null) : null"
_FONTS_WITHIN = 1.0


async def screenshot(call: Call, action: actions.Screenshot) -> bytes:
    """A font that does not come holds no picture up for long."""
    if not call.tab.fonts_came:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FONTS_WITHIN):
                await call.page.evaluate(_FONTS)
                call.tab.fonts_came = True
    if action.target is not None:
        locator = await locate(call, action.target, action.frame)
        return await locator.screenshot(type=action.format, quality=action.quality, timeout=call.ms)
    return await call.page.screenshot(
        type=action.format, quality=action.quality, full_page=action.full_page, timeout=call.ms
    )


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
