"""The keyboard."""

from __future__ import annotations

from tzafonwright import actions
from tzafonwright.server.call import Call
from tzafonwright.server.targets import locate

_NAMES = {
    "ctrl": "Control",
    "cmd": "Meta",
    "command": "Meta",
    "option": "Alt",
    "esc": "Escape",
    "del": "Delete",
    "return": "Enter",
    "space": "Space",
}


async def type_text(call: Call, action: actions.Type) -> None:
    """Key by key."""
    if action.target is not None:
        locator = await locate(call, action.target, action.frame)
        await locator.press_sequentially(action.text, delay=action.delay * 1000, timeout=call.ms)
    else:
        await call.page.keyboard.type(action.text, delay=action.delay * 1000)


async def fill(call: Call, action: actions.Fill) -> None:
    """At once, instead of what is there."""
    await (await locate(call, action.target, action.frame)).fill(action.text, timeout=call.ms)


async def press(call: Call, action: actions.Press) -> None:
    """A chord."""
    keys = chord(action.keys)
    if action.target is not None:
        await (await locate(call, action.target, action.frame)).press(keys, timeout=call.ms)
    else:
        await call.page.keyboard.press(keys)


def chord(keys: str) -> str:
    """With the names that people use turned into the browser's; "+" itself is a key as well."""
    if keys == "+":
        return keys
    plus = keys.endswith("++")
    parts = (keys[:-2] if plus else keys).split("+")
    return "+".join([_NAMES.get(part.lower(), part) for part in parts] + ["+"] * plus)
