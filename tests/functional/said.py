"""What a process says on a pipe, for tests that wait for its words."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import IO

DEVTOOLS = r"DevTools listening on (ws://127\.0\.0\.1:(\d+)/\S+)"
"""Chromium on its standard error, as soon as it can be connected to: its endpoint and its port."""


class Said:
    """Reads a pipe to its end, so that whoever writes into it never waits for a reader."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.text = ""
        self._over = False
        self._more = threading.Condition()
        threading.Thread(target=self._read, args=(pipe,), name="said", daemon=True).start()

    def until(self, pattern: str, seconds: float) -> re.Match[str] | None:
        """The first place that matches, as soon as it was said; None when it is not, in time or before the end."""
        with self._more:
            self._more.wait_for(lambda: self._over or re.search(pattern, self.text), seconds)
            return re.search(pattern, self.text)

    async def comes(self, pattern: str, seconds: float) -> re.Match[str]:
        """The same for a loop that goes on meanwhile; AssertionError with all that was said in its place."""
        found = await asyncio.to_thread(self.until, pattern, seconds)
        assert found, f"{pattern!r} was not said: {self.text}"
        return found

    def _read(self, pipe: IO[bytes]) -> None:
        with pipe:
            for line in pipe:
                with self._more:
                    self.text += line.decode(errors="replace")
                    self._more.notify_all()
        with self._more:
            self._over = True
            self._more.notify_all()
