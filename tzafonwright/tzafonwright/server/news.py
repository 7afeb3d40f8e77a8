"""What pages do, told to the client for the topics that it asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.async_api import BrowserContext, ConsoleMessage, Frame, Page, Request, Response, WebError
from playwright.async_api import Dialog as PlaywrightDialog

from tzafonwright import actions
from tzafonwright.server.listeners import safe
from tzafonwright.server.tabs import Tab
from tzafonwright.server.texts import whole

Tell = Callable[[actions.Happening], None]
_LONGEST = 64 * 1024


class News:
    """Watches a browser's context; costs nothing for topics that nobody asked for."""

    def __init__(self, context: BrowserContext, tell: Tell) -> None:
        self._context = context
        self._tell = tell
        self._topics: frozenset[str] = frozenset()
        self._tabs: dict[Page, str] = {}
        self._sources = (
            ("console", "console", safe(self._console)),
            ("console", "weberror", safe(self._error)),
            ("network", "response", safe(self._response)),
            ("network", "requestfailed", safe(self._failed)),
        )

    def listen(self, topics: tuple[actions.Topic, ...]) -> None:
        """Tell of these from now on, and of nothing else."""
        wanted, before = frozenset(topics), self._topics
        self._topics = wanted
        for topic, event, listener in self._sources:
            if topic in wanted - before:
                self._context.on(event, listener)  # type: ignore[call-overload]
            elif topic in before - wanted:
                self._context.remove_listener(event, listener)

    def say(self, topic: actions.Topic, page: Page | None, **data: Any) -> None:
        """Something happened."""
        if topic in self._topics:
            cut = {name: _cut(value) for name, value in data.items()}
            self._tell(actions.Happening(topic, self._tabs.get(page, "") if page else "", cut))

    def opened(self, tab: Tab) -> None:
        """A tab came up."""
        self._tabs[tab.page] = tab.id
        tab.page.on("framenavigated", safe(self._navigated))
        self.say("page", tab.page, event="opened", url=tab.page.url)

    def closed(self, tab: Tab, how: str) -> None:
        """A tab is gone."""
        self.say("page", tab.page, event=how, url=tab.page.url)
        self._tabs.pop(tab.page, None)

    def dialog(self, dialog: PlaywrightDialog, record: actions.Dialog) -> None:
        """A dialog came up and was answered."""
        self.say("dialog", dialog.page, type=record.type, message=record.message, answer=record.answer)

    def _navigated(self, frame: Frame) -> None:
        if frame.parent_frame is None:
            self.say("page", frame.page, event="navigated", url=frame.url)

    def _console(self, message: ConsoleMessage) -> None:
        place = message.location
        self.say(
            "console",
            message.page,
            type=message.type,
            text=message.text,
            url=place.get("url", ""),
            line=place.get("lineNumber", 0),
        )

    def _error(self, error: WebError) -> None:
        self.say("console", error.page, type="exception", text=str(error.error))

    def _response(self, response: Response) -> None:
        self._network(response.request, event="response", status=response.status)

    def _failed(self, request: Request) -> None:
        self._network(request, event="failed", error=request.failure or "")

    def _network(self, request: Request, **data: Any) -> None:
        self.say("network", _page(request), url=request.url, method=request.method, kind=request.resource_type, **data)


def _cut(value: Any) -> Any:
    """A page says how long its texts are, and each of them is kept until the client reads it."""
    if not isinstance(value, str):
        return value
    return whole(value if len(value) <= _LONGEST else f"{value[:_LONGEST]}…")


def _page(request: Request) -> Page | None:
    if request.service_worker:
        return None
    try:
        return request.frame.page
    except Exception:  # noqa: BLE001 - Playwright has no frame for the first request of a page
        return None
