"""Going places."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable

import msgspec
from playwright.async_api import Error, Response

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.refused import Refused

_STOP = 1.0


class _History(msgspec.Struct):
    current: int = msgspec.field(name="currentIndex")
    entries: list[object]


async def goto(call: Call, action: actions.Goto) -> actions.Page:
    """A page that sends the visitor on at once has been reached."""
    going = call.page.goto(action.url, wait_until=action.wait_until, referer=action.referer, timeout=call.ms)
    return await _gone(call, going, action.wait_until)


async def back(call: Call, action: actions.Back) -> actions.Page:
    """One page back."""
    await _must_have_history(call, -1)
    return await _gone(call, call.page.go_back(wait_until=action.wait_until, timeout=call.ms), action.wait_until)


async def forward(call: Call, action: actions.Forward) -> actions.Page:
    """One page forward."""
    await _must_have_history(call, 1)
    return await _gone(call, call.page.go_forward(wait_until=action.wait_until, timeout=call.ms), action.wait_until)


async def reload(call: Call, action: actions.Reload) -> actions.Page:
    """The same page again."""
    return await _gone(call, call.page.reload(wait_until=action.wait_until, timeout=call.ms), action.wait_until)


async def where(call: Call, _: actions.Action, status: int | None = None) -> actions.Page:
    """Of the current tab."""
    title = await call.again(call.page.title)
    return actions.Page(call.page.url, title, status)


async def _gone(call: Call, going: Awaitable[Response | None], wait_until: actions.LoadState) -> actions.Page:
    status = None
    try:
        response = await going
        status = response.status if response else None
    except Error as error:
        if "interrupted by another navigation" not in error.message:
            raise
        await call.page.wait_for_load_state("load" if wait_until == "commit" else wait_until, timeout=call.ms)
    except asyncio.CancelledError:
        await _stop(call)
        raise
    return await where(call, actions.Where(), status)


async def _stop(call: Call) -> None:
    """What nobody waits for any more is not loaded any further, and not begun later either."""
    await call.browser.given_up()
    with contextlib.suppress(Error, TimeoutError):
        async with asyncio.timeout(_STOP):
            await call.tab.devtools.call("Page.stopLoading", {}, object)


async def _must_have_history(call: Call, step: int) -> None:
    history = await call.tab.devtools.call("Page.getNavigationHistory", {}, _History)
    if not 0 <= history.current + step < len(history.entries):
        side = "before" if step < 0 else "after"
        raise Refused(Code.NAVIGATION, f"there is no page {side} this one in the tab's history")
