"""Waiting for the page."""

from __future__ import annotations

from typing import Any

from tzafonwright import actions
from tzafonwright.server.call import Call
from tzafonwright.server.handlers.navigation import where
from tzafonwright.server.targets import locate


async def wait_for(call: Call, action: actions.WaitFor) -> None:
    """The first element of several counts."""
    locator = await locate(call, action.target, action.frame)
    await locator.first.wait_for(state=action.state, timeout=call.ms)


async def wait_for_url(call: Call, action: actions.WaitForUrl) -> actions.Page:
    """Until the document is there, whatever it still loads."""
    await call.page.wait_for_url(action.url, wait_until="domcontentloaded", timeout=call.ms)
    return await where(call, action)


async def wait_for_load(call: Call, action: actions.WaitForLoad) -> None:
    """Of the current page."""
    await call.page.wait_for_load_state(action.state, timeout=call.ms)


async def wait_for_function(call: Call, action: actions.WaitForFunction) -> Any:
    """What it gave."""
    given = await call.page.wait_for_function(action.expression, arg=action.argument, timeout=call.ms)
    return await given.json_value()
