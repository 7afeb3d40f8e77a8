"""Commands of the first version as actions, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tzafonwright import actions, v1
from tzafonwright.errors import InvalidAction, Unsupported


def as_command(action: actions.Action, timeout: float) -> v1.Command:
    """The same in the first version; Unsupported where that has no such thing."""
    kind = v1.ActionType
    command = v1.Command(kind.GOTO, timeout=max(1, round(timeout * 1000)))
    match action:
        case actions.Goto(url=url) if action == actions.Goto(url=url):
            return replace(command, url=url)
        case actions.Click(target=None, x=x, y=y) if action == actions.Click(x=x, y=y):
            return replace(command, action_type=kind.CLICK, x=x, y=y)
        case actions.Type(text=text) if action == actions.Type(text=text):
            return replace(command, action_type=kind.TYPE, text=text)
        case actions.Scroll(target=None, frame=None, delta_x=right, delta_y=down, x=x, y=y):
            return replace(command, action_type=kind.SCROLL, x=x, y=y, delta_x=right, delta_y=down)
        case actions.Screenshot() if action == actions.Screenshot(format="jpeg"):
            return replace(command, action_type=kind.SCREENSHOT)
        case actions.SetViewport(width=width, height=height):
            return replace(command, action_type=kind.SET_VIEWPORT_SIZE, width=width, height=height)
    raise Unsupported(f"cannot {action.name} in this way: the server speaks the first version of the protocol")


def as_action(command: v1.Command) -> actions.Action:
    """What a command asks for; InvalidAction when arguments are missing or of the wrong type."""
    return actions.checked(_ACTIONS[v1.ActionType(command.action_type)](command))


def _type(command: v1.Command) -> actions.Action:
    if command.text is None:
        raise InvalidAction("cannot type: there is no text")
    return actions.Type(text=command.text)


def _scroll(command: v1.Command) -> actions.Action:
    if command.delta_x is None and command.delta_y is None:
        raise InvalidAction("cannot scroll: give delta_x or delta_y")
    return actions.Scroll(delta_x=command.delta_x or 0, delta_y=command.delta_y or 0, x=command.x, y=command.y)


_ACTIONS: dict[v1.ActionType, Callable[[v1.Command], actions.Action]] = {
    v1.ActionType.GOTO: lambda command: actions.Goto(url=command.url or ""),
    v1.ActionType.CLICK: lambda command: actions.Click(x=command.x, y=command.y),
    v1.ActionType.TYPE: _type,
    v1.ActionType.SCROLL: _scroll,
    v1.ActionType.SCREENSHOT: lambda command: actions.Screenshot(format="jpeg"),
    v1.ActionType.SET_VIEWPORT_SIZE: lambda command: actions.SetViewport(
        width=command.width or 0, height=command.height or 0
    ),
}
