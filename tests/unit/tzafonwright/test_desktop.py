"""What a desktop's keys are called, and what its hands refuse before they move."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from tzafonwright import actions
from tzafonwright.desktop.hands import Hands
from tzafonwright.desktop.keys import Keyboard
from tzafonwright.errors import Code
from tzafonwright.server.refused import Refused

CODES = {
    "a": 38,
    "A": 38,
    "+": 21,
    ",": 59,
    "<": 94,
    "ctrl": 37,
    "shift": 50,
    "esc": 9,
    "left": 113,
    "enter": 36,
    "f5": 71,
}
CODES |= {"win": None, "browserback": 0}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("a", ["a"]),
        ("A", ["A"]),
        ("Enter", ["enter"]),
        ("Control+Shift+a", ["ctrl", "shift", "a"]),
        ("ControlOrMeta+A", ["ctrl", "a"]),
        ("Escape", ["esc"]),
        ("Shift+ArrowLeft", ["shift", "left"]),
        ("F5", ["f5"]),
        ("Control++", ["ctrl", "+"]),
        ("+", ["+"]),
    ],
)
def test_keys(keys: str, expected: list[str]) -> None:
    assert Keyboard(dict(CODES)).chord(keys) == expected


@pytest.mark.parametrize("keys", ["Hyper+a", "Enter+", "", "a b", "Meta+a", "BrowserBack"])
def test_no_keys(keys: str) -> None:
    with pytest.raises(Refused, match="there is no key"):
        Keyboard(dict(CODES)).chord(keys)


def test_less_than_is_the_shifted_comma() -> None:
    codes: dict[str, int | None] = dict(CODES)
    Keyboard(codes)
    assert codes["<"] == codes[","]


class Still:
    """A pyautogui that must not be moved."""

    def __init__(self) -> None:
        self.platformModule = SimpleNamespace(keyboardMapping=dict(CODES))

    def size(self) -> tuple[int, int]:
        return 800, 600

    def __getattr__(self, name: str) -> Callable[..., None]:
        def move(*_: object, **__: object) -> None:
            raise AssertionError(f"{name} was done")

        return move


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        (actions.Click(x=800, y=1), Code.INVALID, "no 800, 1 on a screen of 800 x 600"),
        (actions.Hover(x=1, y=-1), Code.INVALID, "no 1, -1"),
        (actions.Click(target="#a"), Code.UNSUPPORTED, "no elements"),
        (actions.Drag(from_point=(1, 1), to_target="#a"), Code.UNSUPPORTED, "no elements"),
        (actions.Drag(from_point=(1, 1), to_point=(900, 1)), Code.INVALID, "no 900, 1"),
        (actions.Scroll(target="#a", delta_y=1), Code.UNSUPPORTED, "no elements"),
        (actions.Type(text="a\u00e9"), Code.INVALID, "no '\u00e9'"),
        (actions.Type(text="a", target="#a"), Code.UNSUPPORTED, "no elements"),
        (actions.Press(keys="Hyper"), Code.INVALID, "no key 'Hyper'"),
        (actions.Click(x=1, y=1, modifiers=("Meta",)), Code.INVALID, "no key 'Meta'"),
        (actions.Click(x=1, y=1, frame="inner"), Code.UNSUPPORTED, "no frames"),
        (actions.Scroll(x=5, delta_y=100), Code.INVALID, "no place"),
        (actions.Screenshot(full_page=True), Code.UNSUPPORTED, "its screen"),
        (actions.Goto(url="about:blank"), Code.UNSUPPORTED, "cannot do that"),
    ],
)
async def test_refusals(action: actions.Action, code: Code, words: str) -> None:
    hands = Hands(Still())

    async def unsaid(*_: object) -> None:
        raise AssertionError("there is nothing to say")

    with pytest.raises(Refused, match=words) as refused:
        await hands.do(action, hands, asyncio.get_running_loop().time() + 5, b"", unsaid)
    assert refused.value.code is code
