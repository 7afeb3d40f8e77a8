"""Dialogs are answered at once, so that none ever holds an action up, and remembered."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable

from playwright.async_api import BrowserContext, Dialog, Error

from tzafonwright import actions
from tzafonwright.server.backend import Spawn
from tzafonwright.server.listeners import safe

_REMEMBERED = 1000


class Dialogs:
    """Dismissed unless the client said otherwise; who wants to leave a page is never held back by it."""

    def __init__(self, context: BrowserContext, spawn: Spawn, tell: Callable[[Dialog, actions.Dialog], None]) -> None:
        self.accept = False
        self.text = ""
        self._spawn = spawn
        self._tell = tell
        self._seen: deque[actions.Dialog] = deque(maxlen=_REMEMBERED)
        context.on("dialog", safe(self._came_up))

    def take(self) -> list[actions.Dialog]:
        """Those that came up since the last time."""
        seen = list(self._seen)
        self._seen.clear()
        return seen

    def _came_up(self, dialog: Dialog) -> None:
        accept = self.accept or dialog.type == "beforeunload"
        answer = "accepted" if accept else "dismissed"
        if accept and dialog.type == "prompt":
            answer = self.text
        record = actions.Dialog(dialog.type, dialog.message, answer)
        self._seen.append(record)
        self._spawn(_answer(dialog, accept, self.text))
        self._tell(dialog, record)


async def _answer(dialog: Dialog, accept: bool, text: str) -> None:
    with contextlib.suppress(Error):  # another client of the session, or the end of the page, was faster
        if not accept:
            await dialog.dismiss()
        elif dialog.type == "prompt":
            await dialog.accept(text)
        else:
            await dialog.accept()
