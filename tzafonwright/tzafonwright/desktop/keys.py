"""Names of keys: as actions have them, and as PyAutoGUI has them."""

from __future__ import annotations

from collections.abc import MutableMapping

from tzafonwright.errors import Code
from tzafonwright.server.refused import Refused

_NAMES = {
    "control": "ctrl",
    "controlormeta": "ctrl",
    "meta": "win",
    "cmd": "win",
    "command": "win",
    "option": "alt",
    "escape": "esc",
    "arrowleft": "left",
    "arrowright": "right",
    "arrowup": "up",
    "arrowdown": "down",
}


class Keyboard:
    """Those keys of PyAutoGUI's that this display has: codes maps each name to its code, or to nothing."""

    def __init__(self, codes: MutableMapping[str, int | None]) -> None:
        if "," in codes:
            codes["<"] = codes[","]  # it takes the key beside the left Shift, which gives > with Shift
        self._known = {name for name, code in codes.items() if code}

    def chord(self, keys: str) -> list[str]:
        """`Control+Shift+a` as keys to be held in this order; "+" itself is a key as well. Refused when one is unknown.

        A letter alone keeps its case; in a chord it is the key of that letter.
        """
        if keys in self._known or keys == "+":
            return [self.key(keys, alone=True)]
        plus = keys.endswith("++")
        parts = (keys[:-2] if plus else keys).split("+")
        return [self.key(part) for part in parts + ["+"] * plus]

    def key(self, name: str, *, alone: bool = False) -> str:
        """One key. Refused when it is not known."""
        found = name if alone else _NAMES.get(name.lower(), name.lower())
        if found not in self._known:
            raise Refused(Code.INVALID, f"there is no key {name!r}", "such as a, Enter, Control+c, Shift+ArrowLeft")
        return found

    def check_letters(self, text: str) -> None:
        """Refused when there is one that no key gives."""
        if wrong := sorted({letter for letter in text if letter not in self._known}):
            raise Refused(Code.INVALID, f"its keyboard has no {' '.join(map(repr, wrong))}")
