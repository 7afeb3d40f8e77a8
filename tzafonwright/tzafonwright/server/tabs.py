"""The tabs of one browser: which are there, which is current, and that what the client wished holds for new ones."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from playwright.async_api import BrowserContext, Error, Frame, Page, ViewportSize

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.backend import Spawn
from tzafonwright.server.devtools import DevTools, PageTools
from tzafonwright.server.line import Line
from tzafonwright.server.listeners import safe
from tzafonwright.server.refused import Refused


class Watcher(Protocol):
    """Is told of tabs."""

    def opened(self, tab: Tab) -> None:
        """There is a new one."""

    def closed(self, tab: Tab, how: str) -> None:
        """One is gone; how: "closed" or "crashed"."""


@dataclass(eq=False)
class Tab:
    """One page, and the line of the actions that are to be done on it."""

    id: str
    page: Page
    devtools: PageTools
    line: Line = field(default_factory=Line)
    crashed: bool = False
    size: tuple[float, float] | None = None
    """Of the viewport, as last seen on this document; asking costs as much as a click does."""
    fonts_came: bool = False
    """Whether this document was seen with all of its fonts."""
    pointer: tuple[float, float] | None = None
    """Where the mouse was put past the driver, which then does not know."""


@dataclass
class Wishes:
    """What the client set that Playwright forgets with each new tab."""

    user_agent: str = ""
    viewport: ViewportSize | None = None

    async def apply(self, tab: Tab) -> None:
        """Make them so in one tab."""
        if self.viewport:
            tab.size = None
            await tab.page.set_viewport_size(self.viewport)
        if self.user_agent:
            await tab.devtools.call("Emulation.setUserAgentOverride", {"userAgent": self.user_agent}, object)


class Tabs:
    """All tabs of a browser's own context, by id."""

    def __init__(self, context: BrowserContext, devtools: DevTools, spawn: Spawn, watcher: Watcher) -> None:
        self.context = context
        self._devtools = devtools
        self.wishes = Wishes()
        self._spawn = spawn
        self._watcher = watcher
        self._ids = itertools.count(1)
        self._tabs: dict[str, Tab] = {}
        self._current: Tab | None = None
        self._hiding: list[Page] | None = None
        self._opening = asyncio.Lock()
        for page in context.pages:
            self._add(page)
        context.on("page", safe(self._add))

    async def current(self) -> Tab:
        """The tab that actions go to; a blank one is opened where there is none."""
        async with self._opening:
            return self._current or await self._open()

    async def open(self) -> Tab:
        """A new blank tab, which is current then."""
        async with self._opening:
            return await self._open()

    async def _open(self) -> Tab:
        tab = self._of(await self.context.new_page())
        if tab is None:
            raise Refused(Code.CLOSED, "the new tab closed at once")
        self._current = tab
        await self.wishes.apply(tab)
        return tab

    def find(self, tab_id: str) -> Tab:
        """By id; refuses an unknown one."""
        if tab := self._tabs.get(tab_id):
            return tab
        raise Refused(Code.NOT_FOUND, f"there is no tab {tab_id!r}", "see which there are with tabs")

    async def switch(self, tab: Tab) -> None:
        """Make it current."""
        self._current = tab
        await tab.page.bring_to_front()

    def all(self) -> list[Tab]:
        """In the order in which they came up."""
        return list(self._tabs.values())

    async def shown(self, tab: Tab) -> actions.Tab:
        """As clients see it."""
        title = ""
        with contextlib.suppress(Error):  # it may be on its way elsewhere
            title = await tab.page.title()
        return actions.Tab(tab.id, tab.page.url, title, tab is self._current)

    @contextlib.asynccontextmanager
    async def hidden(self) -> AsyncIterator[Page]:
        """A blank page that is no tab."""
        page = await self._open_hidden()
        try:
            await self.wishes.apply(self._tab("", page))
            yield page
        finally:
            with contextlib.suppress(Error):
                await page.close()

    async def _open_hidden(self) -> Page:
        async with self._opening:
            page, self._hiding = None, []
            try:
                page = await self.context.new_page()
            finally:
                meanwhile, self._hiding = self._hiding, None
                for other in meanwhile:
                    if other is not page:
                        self._add(other)
            return page

    def _of(self, page: Page) -> Tab | None:
        return next((tab for tab in self._tabs.values() if tab.page is page), None)

    def _tab(self, tab_id: str, page: Page) -> Tab:
        return Tab(tab_id, page, PageTools(self._devtools, page))

    def _add(self, page: Page) -> None:
        if self._hiding is not None:
            self._hiding.append(page)
            return
        tab = self._tab(f"t{next(self._ids)}", page)
        self._tabs[tab.id] = tab
        self._current = self._current or tab
        page.on("close", safe(lambda _: self._remove(tab)))
        page.on("framenavigated", safe(lambda frame: _navigated(tab, frame)))
        page.on("crash", safe(lambda _: self.crashed(tab)))
        self._watcher.opened(tab)
        if self.wishes.viewport or self.wishes.user_agent:
            self._spawn(_quiet(self.wishes.apply(tab)))

    def _remove(self, tab: Tab) -> None:
        if self._tabs.pop(tab.id, None) is None:
            return
        if self._current is tab:
            self._current = next(reversed(self._tabs.values()), None)
        self._watcher.closed(tab, "crashed" if tab.crashed else "closed")

    def crashed(self, tab: Tab) -> None:
        """Nothing can be done in a crashed tab; the next action gets another one. Telling twice is fine."""
        if tab.crashed:
            return
        tab.crashed = True
        tab.devtools.fail("Page crashed")
        self._remove(tab)
        self._spawn(_quiet(tab.page.close()))


def _navigated(tab: Tab, frame: Frame) -> None:
    if frame == tab.page.main_frame:
        tab.size, tab.fonts_came = None, False


async def _quiet(work: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(Error):  # the tab may be gone already
        await work
