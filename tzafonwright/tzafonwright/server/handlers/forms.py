"""Lists and boxes."""

from __future__ import annotations

from tzafonwright import actions
from tzafonwright.server.call import Call
from tzafonwright.server.targets import locate


async def select(call: Call, action: actions.Select) -> tuple[str, ...]:
    """By value or label; the values that are chosen then."""
    locator = await locate(call, action.target, action.frame)
    return tuple(await locator.select_option(list(action.values), timeout=call.ms))


async def check(call: Call, action: actions.Check) -> None:
    """Set a box or a radio button."""
    locator = await locate(call, action.target, action.frame)
    await locator.set_checked(action.checked, timeout=call.ms)
