"""Actions on a screen, as PyAutoGUI does them. Coordinates are the screen's, from its upper left corner."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tzafonwright import actions
from tzafonwright.desktop import keys
from tzafonwright.errors import Code
from tzafonwright.server.backend import Given, Say
from tzafonwright.server.line import Line
from tzafonwright.server.refused import Refused

NOTCH = 100
"""Pixels that one step of the wheel stands for."""

_STEP = 0.01
_NOT_HERE = "a desktop has no elements"
_GIVE_POINT = "give x and y, or switch_context('browser') first"


class Hands:
    """A backend with one spot, the screen. display is the module pyautogui, imported for it."""

    def __init__(self, pyautogui: Any) -> None:
        self._gui = pyautogui
        self._gui.FAILSAFE = False  # a corner of this screen is a place like any other
        self._gui.PAUSE = 0
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
        """See Backend. What has begun on the screen is brought to its end."""
        doing = _TABLE.get(type(action))
        if doing is None:
            raise Refused(Code.UNSUPPORTED, "a desktop cannot do that", "switch_context('browser') first")
        try:
            async with asyncio.timeout_at(deadline):
                picture = await asyncio.to_thread(doing, self, action)
        except TimeoutError:
            raise Refused(Code.TIMEOUT, "not done in time") from None
        return Given(payload=picture or b"")

    def click(self, action: actions.Click) -> None:
        """Any button, any number of times."""
        x, y = self._point(action)
        with self._held(action.modifiers):
            self._gui.click(x, y, clicks=action.count, interval=_STEP, button=action.button)

    def hover(self, action: actions.Hover) -> None:
        """Move there."""
        with self._held(action.modifiers):
            self._gui.moveTo(*self._point(action))

    def drag(self, action: actions.Drag) -> None:
        """With the left button, in as many steps as are asked for."""
        if action.from_point is None or action.to_point is None:
            raise Refused(Code.UNSUPPORTED, _NOT_HERE, "give from_point and to_point")
        (x, y), (to_x, to_y) = self._on_screen(*action.from_point), self._on_screen(*action.to_point)
        self._gui.moveTo(x, y)
        self._gui.mouseDown()
        try:
            for step in range(1, action.steps + 1):
                part = step / action.steps
                self._gui.moveTo(round(x + (to_x - x) * part), round(y + (to_y - y) * part), _pause=True)
                self._gui.sleep(_STEP)
        finally:
            self._gui.mouseUp()

    def scroll(self, action: actions.Scroll) -> None:
        """In whole notches of the wheel."""
        if action.target is not None:
            raise Refused(Code.UNSUPPORTED, _NOT_HERE, _GIVE_POINT)
        if action.x is not None and action.y is not None:
            self._gui.moveTo(*self._on_screen(action.x, action.y))
        if notches := _notches(action.delta_y):
            self._gui.vscroll(-notches)
        if notches := _notches(action.delta_x):
            self._gui.hscroll(notches)

    def type(self, action: actions.Type) -> None:
        """To whatever has the focus."""
        if action.target is not None:
            raise Refused(Code.UNSUPPORTED, _NOT_HERE, "click at the place first, then type without a target")
        wrong = sorted({letter for letter in action.text if not self._gui.isValidKey(letter)})
        if wrong:
            raise Refused(Code.INVALID, f"its keyboard has no {' '.join(map(repr, wrong))}")
        self._gui.write(action.text, interval=action.delay)

    def press(self, action: actions.Press) -> None:
        """A key, or several held together."""
        if action.target is not None:
            raise Refused(Code.UNSUPPORTED, _NOT_HERE, "click at the place first, then press without a target")
        self._gui.hotkey(*keys.hotkey(action.keys, self._gui.KEYBOARD_KEYS))

    def screenshot(self, action: actions.Screenshot) -> bytes:
        """The whole screen."""
        from PIL import ImageGrab  # noqa: PLC0415 - it looks for a display when it is imported

        if action.target is not None or action.full_page:
            raise Refused(Code.UNSUPPORTED, "a picture of a desktop is one of the whole screen")
        with io.BytesIO() as picture:
            options = {} if action.quality is None else {"quality": action.quality}
            ImageGrab.grab().convert("RGB").save(picture, action.format, **options)
            return picture.getvalue()

    def _point(self, action: actions.Point) -> tuple[int, int]:
        if action.x is None or action.y is None:
            raise Refused(Code.UNSUPPORTED, _NOT_HERE, _GIVE_POINT)
        return self._on_screen(action.x, action.y)

    def _on_screen(self, x: float, y: float) -> tuple[int, int]:
        width, height = self._gui.size()
        if not (0 <= x < width and 0 <= y < height):
            raise Refused(Code.INVALID, f"there is no {x:g}, {y:g} on a screen of {width} x {height}")
        return round(x), round(y)

    @contextlib.contextmanager
    def _held(self, modifiers: tuple[str, ...]) -> Iterator[None]:
        held = [keys.key(name, self._gui.KEYBOARD_KEYS) for name in modifiers]
        for name in held:
            self._gui.keyDown(name)
        try:
            yield
        finally:
            for name in reversed(held):
                self._gui.keyUp(name)


def _notches(pixels: float) -> int:
    """At least one, where there is anything to scroll."""
    return int(pixels / NOTCH) or (pixels > 0) - (pixels < 0)


_TABLE: Mapping[type[actions.Action], Callable[[Hands, Any], bytes | None]] = {
    actions.Click: Hands.click,
    actions.Hover: Hands.hover,
    actions.Drag: Hands.drag,
    actions.Scroll: Hands.scroll,
    actions.Type: Hands.type,
    actions.Press: Hands.press,
    actions.Screenshot: Hands.screenshot,
}
