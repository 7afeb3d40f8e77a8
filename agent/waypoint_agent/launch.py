"""What a slot's unit is told before it starts, and which of its lives was given out.

Two kinds of small file, for agents to come as well; none holds a secret. They lie in memory and are written at once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from waypoint_agent import atomic
from waypoint_core.settings import AgentSettings

_DESKTOP_PORT = "WAYPOINT_DESKTOP_PORT"


def environment(settings: AgentSettings, slot: int, flags: Sequence[str]) -> str:
    """The environment file of a slot, as systemd reads it; flags, which have been checked, one a line."""
    values = {
        "WAYPOINT_CHROMIUM": settings.desktop_chromium if settings.desktop else settings.chromium,
        "WAYPOINT_DEVTOOLS_PORT": str(settings.browser_port + slot),
        "WAYPOINT_BROWSER_FLAGS": "\n".join(flags),
    }
    if settings.desktop:
        values |= {_DESKTOP_PORT: str(settings.desktop_port + slot), "WAYPOINT_DESKTOP_SIZE": settings.desktop_size}
    return "".join(f"{name}={_quoted(value)}\n" for name, value in values.items())


def endpoints(devtools: str, launched: str) -> dict[str, str]:
    """Where a life answers, by protocol: DevTools as it says itself, its desktop as it was launched."""
    found = re.search(rf'^{_DESKTOP_PORT}="(\d+)"$', launched, re.MULTILINE)
    return {"cdp": devtools} | ({"desktop": f"127.0.0.1:{found[1]}"} if found else {})


class Launches:
    """The files of all slots: <n>.env for systemd, <n>.given for ourselves."""

    def __init__(self, slots: Path) -> None:
        self._slots = slots

    def read(self, slot: int) -> str:
        """What the slot's unit was last told; "" when nothing."""
        try:
            return self._file(slot).read_text()
        except (OSError, UnicodeDecodeError):
            return ""

    def write(self, slot: int, content: str) -> None:
        """Tell the slot's unit. OSError when the disk refuses."""
        if self.read(slot) != content:
            atomic.write(self._file(slot), content)

    def give(self, slot: int, invocation: str) -> None:
        """Note for ever that this life of the slot has been given out. OSError when the disk refuses."""
        # Half written it tells nothing: whoever asked has not been answered then either.
        self._given(slot).write_text(invocation)

    def given(self, slot: int, invocation: str) -> bool:
        """Whether this life of the slot has been given out, by whatever agent."""
        try:
            return self._given(slot).read_text() == invocation
        except (OSError, UnicodeDecodeError):
            return False

    def _file(self, slot: int) -> Path:
        return self._slots / f"{slot}.env"

    def _given(self, slot: int) -> Path:
        return self._slots / f"{slot}.given"


def _quoted(value: str) -> str:
    """A value as systemd.exec(5) wants it in an EnvironmentFile=."""
    for char in '\\"$`':
        value = value.replace(char, "\\" + char)
    return f'"{value}"'
