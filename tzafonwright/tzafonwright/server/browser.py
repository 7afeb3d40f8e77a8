"""A browser that the driver is attached to, as a backend: its tabs, dialogs, downloads and news."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import msgspec
from playwright.async_api import Browser, Error

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.backend import Given, Say, Spawn
from tzafonwright.server.call import Call
from tzafonwright.server.devtools import DevTools
from tzafonwright.server.dialogs import Dialogs
from tzafonwright.server.downloads import Downloads
from tzafonwright.server.driver import Driver
from tzafonwright.server.failures import is_closed, is_crash, one_line, refusal
from tzafonwright.server.handlers import AT_ONCE, CHOOSING, POINTING, REPEATABLE, TABLE, WITHOUT_TAB
from tzafonwright.server.listeners import safe
from tzafonwright.server.news import News
from tzafonwright.server.refused import End, Refused, SessionOver
from tzafonwright.server.tabs import Tab, Tabs

_GRACE = 0.25  # Playwright, which has the better words, comes first
_NEWS = 0.1
_ANSWER = 5.0
BROWSER_GONE = "browser closed the connection"
log = logging.getLogger("tzafonwright.server")


class Attachment:
    """One browser, for as long as the driver is attached to it."""

    def __init__(
        self,
        driver: Driver,
        browser: Browser,
        endpoint: str,
        spawn: Spawn,
        tell: Callable[[actions.Happening], None],
    ) -> None:
        self._driver = driver
        self.gone = asyncio.Event()
        browser.on("disconnected", safe(lambda _: self.gone.set()))
        self._browser = browser
        self.context = browser.contexts[0]
        self.news = News(self.context, tell)
        self.dialogs = Dialogs(self.context, spawn, self.news.dialog)
        self._devtools = DevTools(endpoint, spawn)
        self.tabs = Tabs(self.context, self._devtools, spawn, self.news)
        self.downloads = Downloads(browser, lambda data: self.news.say("download", None, **data))
        self.spawn = spawn
        self.listening = asyncio.Lock()

    async def in_step(self) -> None:
        """Waits until the driver has heard and told all that happened so far."""
        await self.context.cookies("http://127.0.0.1/")

    async def given_up(self) -> None:
        """Waits until the driver has heard that nobody wants what was cancelled, and begins nothing of it any more."""
        with contextlib.suppress(Error, TimeoutError):
            async with asyncio.timeout(_ANSWER):
                await self.in_step()

    def at_once(self, action: actions.Action) -> bool:
        """See Backend."""
        return isinstance(action, AT_ONCE)

    def chooses(self, action: actions.Action) -> bool:
        """See Backend."""
        return isinstance(action, CHOOSING)

    async def spot(self) -> Tab:
        """The current tab. SessionOver when the browser, or the driver, is gone."""
        try:
            return await self.tabs.current()
        except Error as error:
            raise await self._gone(error) or Refused(Code.FAILED, one_line(error.message)) from error

    async def do(self, action: actions.Action, spot: Tab | None, deadline: float, payload: bytes, say: Say) -> Given:
        """See Backend. SessionOver when the browser, or the driver, is gone."""
        seconds = round(deadline - asyncio.get_running_loop().time(), 1)
        try:
            async with asyncio.timeout_at(deadline + _GRACE):
                return _given(await self._handle(action, spot, deadline, payload, say))
        except TimeoutError:
            raise Refused(Code.TIMEOUT, f"not done within {seconds:.3g} s") from None
        except Error as error:
            raise await self._gone(error) or refusal(error, action, seconds) from error
        except (Refused, SessionOver):
            raise
        except Exception as error:
            log.exception("cannot %s", action.name)
            raise Refused(Code.FAILED, f"{type(error).__name__}: {one_line(str(error))}") from error

    async def _handle(self, action: actions.Action, spot: Tab | None, deadline: float, payload: bytes, say: Say) -> Any:
        if not self.at_once(action):
            async with self.listening:
                pass
        if spot is None and not isinstance(action, WITHOUT_TAB):
            spot = await self.tabs.current()
        call = Call(self, spot, deadline, payload, say)
        try:
            return await self._run(call, action)
        except asyncio.CancelledError:
            await self.given_up()
            raise
        except Error as error:
            if spot is None or not (isinstance(action, actions.Goto) and is_crash(error)):
                raise
        self.tabs.crashed(spot)  # it had crashed before, and the news had not come yet
        return await self._run(replace(call, current=await self.tabs.current()), action)

    async def _run(self, call: Call, action: actions.Action) -> Any:
        handler = TABLE[type(action)]
        if call.current and isinstance(action, POINTING):
            call.current.pointer = None
        if isinstance(action, REPEATABLE):
            return await call.again(lambda: handler(call, action))
        return await handler(call, action)

    async def _gone(self, error: Error) -> SessionOver | None:
        """Whether not only a tab is gone; the news of that may come a moment later, or from the browser itself."""
        if not is_closed(error):
            return None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_NEWS):
                await self.gone.wait()
        if not self.gone.is_set() and not await self._answers():
            self.gone.set()
        over = self.gone.is_set() or not self._browser.is_connected() or not self._driver.alive
        return SessionOver(1011, BROWSER_GONE, End.BROWSER_GONE) if over else None

    async def _answers(self) -> bool:
        """Whether the browser does; one that only keeps silent is there."""
        try:
            async with asyncio.timeout(_ANSWER):
                await (await self._devtools.send("Browser.getVersion", {}))
        except Error:
            return False
        except TimeoutError:
            return True
        return True


@contextlib.asynccontextmanager
async def attached(
    driver: Driver, endpoint: str, timeout: float, spawn: Spawn, tell: Callable[[actions.Happening], None]
) -> AsyncIterator[Attachment]:
    """The browser at this endpoint; left as it is afterwards. CannotAttach."""
    async with driver.attached(endpoint, timeout) as browser:
        yield Attachment(driver, browser, endpoint, spawn, tell)


def _given(result: Any) -> Given:
    """Bytes go beside the answer, everything else in it."""
    if isinstance(result, bytes):
        return Given(payload=result)
    if isinstance(result, actions.Download):
        return Given(msgspec.structs.replace(result, data=b""), result.data)
    try:
        msgspec.json.encode(result)
    except (TypeError, OverflowError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise Refused(
            Code.SCRIPT, f"what it gives is no JSON: {error}", "give numbers, strings, lists, objects"
        ) from error
    return Given(result)
