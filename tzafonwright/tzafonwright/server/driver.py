"""Playwright's driver: one process for all browsers of the host, started when it is needed, and again after it died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from playwright.async_api import Browser, Error, Playwright, async_playwright

_STOP = 5.0
_HUNG = 2.0
_SOONER = 250
log = logging.getLogger("tzafonwright.server")


class DriverFailed(Exception):
    """There is no driver, and none can be started."""


class CannotAttach(Exception):
    """The browser does not let the driver in."""


class Driver:
    """One running driver."""

    def __init__(self, playwright: Playwright, manager: object) -> None:
        self._playwright = playwright
        # Playwright does not say in public that its driver died; these two hold for 1.60 and later.
        self._transport = manager._client._transport  # type: ignore[attr-defined]
        self._process: asyncio.subprocess.Process = self._transport._proc
        self._error: asyncio.Future[None] = self._transport.on_error_future
        self._error.add_done_callback(lambda error: error.cancelled() or error.exception())

    @classmethod
    async def start(cls) -> Driver:
        """DriverFailed when it does not come up."""
        os.environ.setdefault("PW_TEST_SCREENSHOT_NO_FONTS_READY", "1")  # `pictures` waits for fonts, but not for ever
        manager = async_playwright()
        try:
            driver = cls(await manager.start(), manager)
        except Exception as error:
            raise DriverFailed(f"cannot start the browser driver: {error}") from error
        _spare(driver.pid)
        return driver

    @property
    def alive(self) -> bool:
        """Whether it runs still."""
        return not self._error.done()

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    async def ended(self) -> str:
        """Waits until it dies; in which way."""
        await asyncio.wait([self._error])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await self._process.wait()
        code = self._process.returncode
        if code is None:
            return "it closed its pipe"
        return f"killed by signal {-code}" if code < 0 else f"exit status {code}"

    @contextlib.asynccontextmanager
    async def attached(self, endpoint: str, timeout: float) -> AsyncIterator[Browser]:
        """The browser at this endpoint; afterwards it is left as it is. CannotAttach."""
        try:
            async with asyncio.timeout(timeout + _HUNG):
                browser = await self._playwright.chromium.connect_over_cdp(endpoint, timeout=timeout * 1000)
        except TimeoutError:
            self._kill()  # it keeps no time any more
            raise DriverFailed("the browser driver hung") from None
        except Error as error:
            if not self.alive:
                raise DriverFailed("the browser driver ended") from error
            raise CannotAttach(error.message.split("\n", 1)[0]) from error
        try:
            yield browser
        finally:
            await _quietly(browser.close())

    async def stop(self) -> None:
        """End it."""
        await _quietly(self._playwright.stop())
        self._kill()

    def _kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


class Drivers:
    """The one driver that serves now; started is told of each."""

    def __init__(self, started: Callable[[], None]) -> None:
        self._started = started
        self._driver: Driver | None = None
        self._starting = asyncio.Lock()

    async def get(self) -> Driver:
        """One that is alive. DriverFailed when it cannot be started."""
        async with self._starting:
            if self._driver is None or not self._driver.alive:
                if self._driver:
                    log.error("the browser driver ended: %s; starting another", await self._driver.ended())
                self._driver = await Driver.start()
                self._started()
                log.info("the browser driver runs as process %d", self._driver.pid)
            return self._driver

    async def stop(self) -> None:
        """End the driver, if there is one."""
        if self._driver and self._driver.alive:
            await self._driver.stop()


def _spare(pid: int) -> None:
    """Where memory is short, the kernel is to end the driver before the server, which can start another."""
    with contextlib.suppress(OSError):
        own = int(Path("/proc/self/oom_score_adj").read_text())
        Path(f"/proc/{pid}/oom_score_adj").write_text(str(min(own + _SOONER, 1000)))


async def _quietly(ending: object) -> None:
    """What ends anyway may fail to say so."""
    with contextlib.suppress(Error, TimeoutError):
        async with asyncio.timeout(_STOP):
            await ending  # type: ignore[misc]
