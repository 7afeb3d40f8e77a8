"""One action under way: what it may use, and how long it may take."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from playwright.async_api import Error, Page

from tzafonwright.errors import Code
from tzafonwright.server import scripts
from tzafonwright.server.backend import Say
from tzafonwright.server.failures import repeatable
from tzafonwright.server.refused import Refused
from tzafonwright.server.tabs import Tab

if TYPE_CHECKING:
    from tzafonwright.server.browser import Attachment

_TRIES = 3
T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """deadline is of the loop's clock."""

    browser: Attachment
    current: Tab | None
    deadline: float
    payload: bytes
    say: Say

    @property
    def tab(self) -> Tab:
        """The tab that it is done on."""
        if self.current is None:
            raise Refused(Code.FAILED, "this action is done on no tab")
        return self.current

    @property
    def page(self) -> Page:
        """The tab's page."""
        return self.tab.page

    async def script(self, expression: str) -> Any:
        """What this gives in the page."""
        return await scripts.run(self.tab.devtools, expression)

    @property
    def ms(self) -> float:
        """Milliseconds that are left, for Playwright; never 0, which would mean for ever."""
        return max(1.0, (self.deadline - asyncio.get_running_loop().time()) * 1000)

    async def again(self, work: Callable[[], Awaitable[T]]) -> T:
        """Work that may be repeated is, when the page changed under it."""
        for _ in range(_TRIES - 1):
            try:
                return await work()
            except Error as error:  # noqa: PERF203 - it is about to be repeated
                if not repeatable(error):
                    raise
                await self.page.wait_for_load_state("domcontentloaded", timeout=self.ms)
                await scripts.parsed(self.tab.devtools)
        return await work()
