"""Actions on a screen, as PyAutoGUI does them. Coordinates are the screen's, from its upper left corner.

Each of its calls takes a millisecond or two, so they are made in the loop; an action of many calls pauses between
them, where it can be stopped. What it holds down is let go then.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from tzafonwright import actions
from tzafonwright.desktop.keys import Keyboard
from tzafonwright.errors import Code
from tzafonwright.server.backend import Given, Say
from tzafonwright.server.line import Line
from tzafonwright.server.refused import Refused

NOTCH = 100
"""Pixels that one step of the wheel stands for."""

_STEP = 0.01
_NO_ELEMENTS = "a desktop has no elements and no frames"
_GIVE_POINT = "give x and y, or switch_context('browser') first"


class Hands:
    """A backend with one spot, the screen. pyautogui is the module, imported for this display."""

    def __init__(self, pyautogui: Any) -> None:
        self._gui = pyautogui
        self._gui.FAILSAFE = False  # a corner of this screen is a place like any other
        self._gui.PAUSE = 0
        self._keyboard = Keyboard(pyautogui.platformModule.keyboardMapping)
        self.line = Line()

    def at_once(self, action: actions.Action) -> bool:
        """See Backend."""
        return False

    def chooses(self, action: actions.Action) -> bool:
        """See Backend."""
        return False

    async def spot(self) -> Hands:
        """See Backend."""
        return self

    async def do(self, action: actions.Action, spot: Any, deadline: float, payload: bytes, say: Say) -> Given:
        """See Backend."""
        doing = _TABLE.get(type(action))
        if doing is None:
            raise Refused(Code.UNSUPPORTED, "a desktop cannot do that", "switch_context('browser') first")
        if getattr(action, "target", None) is not None or getattr(action, "frame", None) is not None:
            raise Refused(Code.UNSUPPORTED, _NO_ELEMENTS, _GIVE_POINT)
        try:
            async with asyncio.timeout_at(deadline):
                picture = await doing(self, action)
        except TimeoutError:
            raise Refused(Code.TIMEOUT, "not done in time") from None
        return Given(payload=picture or b"")

    async def click(self, action: actions.Click) -> None:
        """Any button, any number of times."""
        x, y = self._on_screen(action.x, action.y)
        with self._held(*map(self._keyboard.key, action.modifiers)):
            self._gui.moveTo(x, y)
            for _ in range(action.count):
                self._gui.click(button=action.button)
                await asyncio.sleep(_STEP)

    async def hover(self, action: actions.Hover) -> None:
        """Move there."""
        x, y = self._on_screen(action.x, action.y)
        with self._held(*map(self._keyboard.key, action.modifiers)):
            self._gui.moveTo(x, y)

    async def drag(self, action: actions.Drag) -> None:
        """With the left button, in as many steps as are asked for."""
        if action.from_point is None or action.to_point is None:
            raise Refused(Code.UNSUPPORTED, _NO_ELEMENTS, "give points, or switch_context('browser') first")
        (x, y), (to_x, to_y) = self._on_screen(*action.from_point), self._on_screen(*action.to_point)
        self._gui.moveTo(x, y)
        self._gui.mouseDown()
        try:
            for step in range(1, action.steps + 1):
                part = step / action.steps
                self._gui.moveTo(round(x + (to_x - x) * part), round(y + (to_y - y) * part))
                await asyncio.sleep(_STEP)
        finally:
            self._gui.mouseUp()

    async def scroll(self, action: actions.Scroll) -> None:
        """In whole notches of the wheel."""
        if (action.x is None) != (action.y is None):
            raise Refused(Code.INVALID, "one coordinate alone is no place", "give x and y, or neither")
        if action.x is not None:
            self._gui.moveTo(*self._on_screen(action.x, action.y))
        for turn, notches in (
            (self._gui.vscroll, -_notches(action.delta_y)),
            (self._gui.hscroll, _notches(action.delta_x)),
        ):
            for _ in range(abs(notches)):
                turn(1 if notches > 0 else -1)
                await asyncio.sleep(_STEP)

    async def type(self, action: actions.Type) -> None:
        """To whatever has the focus."""
        self._keyboard.check_letters(action.text)
        for letter in action.text:
            self._gui.write(letter)
            await asyncio.sleep(action.delay)

    async def press(self, action: actions.Press) -> None:
        """A key, or several held together."""
        *held, last = self._keyboard.chord(action.keys)
        with self._held(*held):
            self._gui.press(last)

    async def screenshot(self, action: actions.Screenshot) -> bytes:
        """The whole screen."""
        if action.full_page:
            raise Refused(Code.UNSUPPORTED, "a picture of a desktop is one of its screen, and no page")
        return await asyncio.to_thread(_picture, action)

    def _on_screen(self, x: float | None, y: float | None) -> tuple[int, int]:
        width, height = self._gui.size()
        if x is None or y is None or not (0 <= x < width and 0 <= y < height):
            raise Refused(Code.INVALID, f"there is no {x:g}, {y:g} on a screen of {width} x {height}")
        return int(x), int(y)

    @contextlib.contextmanager
    def _held(self, *keys: str) -> Iterator[None]:
        for key in keys:
            self._gui.keyDown(key)
        try:
            yield
        finally:
            for key in reversed(keys):
                self._gui.keyUp(key)


def _picture(action: actions.Screenshot) -> bytes:
    from PIL import ImageGrab  # noqa: PLC0415 - only where there is a display

    with io.BytesIO() as picture:
        options = {} if action.quality is None else {"quality": action.quality}
        ImageGrab.grab().convert("RGB").save(picture, action.format, **options)
        return picture.getvalue()


def _notches(pixels: float) -> int:
    """At least one, where there is anything to scroll."""
    return int(pixels / NOTCH) or (pixels > 0) - (pixels < 0)


_TABLE: Mapping[type[actions.Action], Callable[[Hands, Any], Awaitable[bytes | None]]] = {
    actions.Click: Hands.click,
    actions.Hover: Hands.hover,
    actions.Drag: Hands.drag,
    actions.Scroll: Hands.scroll,
    actions.Type: Hands.type,
    actions.Press: Hands.press,
    actions.Screenshot: Hands.screenshot,
}
