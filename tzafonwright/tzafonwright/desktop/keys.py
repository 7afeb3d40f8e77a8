"""Names of keys: as actions have them, and as PyAutoGUI has them. Pure."""

from __future__ import annotations

from collections.abc import Collection

from tzafonwright.errors import Code
from tzafonwright.server.refused import Refused

_NAMES = {
    "control": "ctrl",
    "controlormeta": "ctrl",
    "meta": "win",
    "escape": "esc",
    "arrowleft": "left",
    "arrowright": "right",
    "arrowup": "up",
    "arrowdown": "down",
}


def hotkey(keys: str, known: Collection[str]) -> list[str]:
    """`Control+Shift+a` as keys to be held in this order. Refused when one of them is not known."""
    if keys == "+":
        names = ["+"]
    elif keys.endswith("++"):
        names = [*keys[:-2].split("+"), "+"]
    else:
        names = keys.split("+")
    return [key(name, known) for name in names]


def key(name: str, known: Collection[str]) -> str:
    """One key. Refused when it is not known."""
    found = _NAMES.get(name.lower(), name.lower())
    if found not in known:
        raise Refused(Code.INVALID, f"there is no key {name!r}", "such as a, Enter, Control+c, Shift+ArrowLeft")
    return found
