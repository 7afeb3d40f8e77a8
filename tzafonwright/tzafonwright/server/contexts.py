"""What a client acts in: its browser, or the desktop around it; one of them at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tzafonwright.errors import Code
from tzafonwright.server.backend import Backend
from tzafonwright.server.refused import Refused

Open = Callable[[], Awaitable[Backend]]


class Contexts:
    """Those that are there; open_desktop makes the other one when it is first wanted. The first is current."""

    def __init__(
        self, browser: Backend | None = None, desktop: Backend | None = None, open_desktop: Open | None = None
    ) -> None:
        self._there = {name: backend for name, backend in (("browser", browser), ("desktop", desktop)) if backend}
        self._open_desktop = open_desktop
        self.current: Backend = next(iter(self._there.values()))

    async def switch(self, name: str) -> None:
        """From now on, this one is current. Refused when it is not to be had."""
        if name not in self._there:
            if name != "desktop" or self._open_desktop is None:
                raise Refused(Code.UNSUPPORTED, f"this browser has no {name}", "hosts with agent.desktop = true have")
            self._there[name] = await self._open_desktop()
        self.current = self._there[name]
