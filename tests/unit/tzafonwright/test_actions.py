"""Arguments are checked where actions are made and sent; and the server knows every action."""

import math
from typing import get_args

import pytest

from tzafonwright import actions
from tzafonwright.errors import InvalidAction
from tzafonwright.server.handlers import TABLE
from tzafonwright.server.handlers.keyboard import chord


@pytest.mark.parametrize(
    "action",
    [
        actions.Goto(url=""),
        actions.Goto(url="u", wait_until="soon"),  # type: ignore[arg-type]
        actions.Click(x=1e9, y=1),
        actions.Click(x=math.nan, y=1),
        actions.Click(target="a", count=0),
        actions.Click(target="a", button="fourth"),  # type: ignore[arg-type]
        actions.Click(target=7),  # type: ignore[arg-type]
        actions.Drag(from_point=(1, 1), to_target=""),
        actions.Type(text="a", delay=-1),
        actions.Screenshot(format="jpeg", quality=101),
        actions.Screenshot(format="gif"),  # type: ignore[arg-type]
        actions.SetViewport(width=0, height=5),
        actions.SetGeolocation(latitude=91, longitude=0),
        actions.Pdf(scale=3),
        actions.Listen(topics=("weather",)),  # type: ignore[arg-type]
        actions.Evaluate(expression="a", argument={1, 2}.__iter__),
    ],
)
def test_out_of_bounds(action: actions.Action) -> None:
    with pytest.raises(InvalidAction, match=f"cannot {action.name}: "):
        actions.checked(action)


def test_what_does_not_go_together() -> None:
    for make in (
        actions.Click,
        lambda: actions.Click(x=1),
        lambda: actions.Hover(target="a", x=1, y=1),
        lambda: actions.Drag(from_target="a"),
        lambda: actions.Drag(from_target="a", from_point=(1, 1), to_target="b"),
        actions.Fetch,
        lambda: actions.Fetch(target="a", url="u"),
        lambda: actions.Screenshot(quality=5),
        lambda: actions.Screenshot(target="a", full_page=True),
    ):
        with pytest.raises(InvalidAction, match="cannot "):
            make()


def test_every_action_has_a_handler() -> None:
    assert {*TABLE, actions.SwitchContext} == set(get_args(actions.AnyAction))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Enter", "Enter"),
        ("ctrl+c", "Control+c"),
        ("Cmd+Shift+Esc", "Meta+Shift+Escape"),
        ("+", "+"),
        ("Control++", "Control++"),
        ("Return", "Enter"),
    ],
)
def test_chords(said: str, meant: str) -> None:
    assert chord(said) == meant
