"""What a client acts in: its browser, or the desktop around it; one of them at a time."""

from __future__ import annotations

from tzafonwright.errors import Code
from tzafonwright.server.backend import Backend
from tzafonwright.server.refused import Refused


class Contexts:
    """The browser is current at first; desktop is None where it has none."""

    def __init__(self, browser: Backend, desktop: Backend | None = None) -> None:
        self.browser = browser
        self.current = browser
        self._desktop = desktop

    async def switch(self, name: str) -> None:
        """From now on, this one is current. Refused when it is not to be had."""
        wanted = self.browser if name == "browser" else self._desktop
        if wanted is None:
            raise Refused(Code.UNSUPPORTED, f"this browser has no {name}", "hosts with agent.desktop = true have")
        await wanted.spot()
        self.current = wanted
