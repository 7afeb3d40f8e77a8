"""One client and its browser: frames in, answers and happenings out, and in the end a close code that says why."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from tzafonwright import actions, protocol
from tzafonwright.server.backlog import Backlog
from tzafonwright.server.browser import BROWSER_GONE, Attachment, attached
from tzafonwright.server.contexts import Contexts
from tzafonwright.server.desktop import Desktop
from tzafonwright.server.driver import Driver
from tzafonwright.server.first import FirstVersion
from tzafonwright.server.measured import Measured
from tzafonwright.server.metrics import Metrics
from tzafonwright.server.refused import End, SessionOver
from tzafonwright.server.second import SecondVersion

_FOR_THE_PROXY = 1.0  # it knows better than we do why a browser ended, and says so first
_FAREWELL = 2.0
_REASON_BYTES = 123
log = logging.getLogger("tzafonwright.server")


class Session:
    """`run` is the whole of it; `end` ends it from outside."""

    def __init__(
        self, connection: ServerConnection, driver: Driver, instance: str, metrics: Metrics, desktop: str = ""
    ) -> None:
        self._connection = connection
        self._desktop = desktop
        self._driver = driver
        self._instance = instance
        self._metrics = metrics
        self._ended: asyncio.Future[SessionOver | None] = asyncio.get_running_loop().create_future()
        self._told = Backlog()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    def end(self, cause: SessionOver | None) -> None:
        """The first cause counts; None: the client left."""
        if not self._ended.done():
            self._ended.set_result(cause)

    async def run(
        self, endpoint: str, timeout: float, ready: asyncio.Future[None], accepted: asyncio.Future[None]
    ) -> None:
        """Attach, then serve once the client is accepted. What attaching raises goes to ready."""
        async with asyncio.TaskGroup() as self._group:
            try:
                async with (
                    attached(self._driver, endpoint, timeout, self.spawn, self._tell) as browser,
                    self._contexts(browser) as contexts,
                ):
                    if not ready.done():  # the client may have left meanwhile
                        ready.set_result(None)
                    await self._attend(browser, contexts, accepted)
            except Exception as error:
                if ready.done():
                    raise
                ready.set_exception(error)
            finally:
                self._closing = True
                for task in self._tasks:
                    task.cancel()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """In the background, until the session ends."""
        if self._closing:
            return work.close()
        task = self._group.create_task(self._guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    @contextlib.asynccontextmanager
    async def _contexts(self, browser: Attachment) -> AsyncIterator[Contexts]:
        measured = Measured(browser, self._metrics)
        if not self._desktop:
            yield Contexts(measured)
            return
        desktop = Desktop(self._desktop, self._instance, browser.gone)
        try:
            yield Contexts(measured, Measured(desktop, self._metrics))
        finally:
            await desktop.close()

    async def _attend(self, browser: Attachment, contexts: Contexts, accepted: asyncio.Future[None]) -> None:
        self.spawn(self._watch_client())
        self.spawn(self._watch_browser(browser))
        self.spawn(self._watch_driver())
        either: list[asyncio.Future[Any]] = [accepted, self._ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if accepted.done():
            log.info("%s: a client of version %s", self._instance, "2" if self._connection.subprotocol else "1")
            self._metrics.session(self._ended)
            self.spawn(self._read(contexts))
            self.spawn(self._tell_all())
        cause = await self._ended
        if cause is not None and accepted.done():
            log.info("%s: %s", self._instance, cause.reason)
            await self._close(cause.code, cause.reason.encode()[:_REASON_BYTES].decode(errors="ignore"))

    async def _close(self, code: int, reason: str) -> None:
        """A client that does not read is left without a word."""
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._connection.close(code, reason)
        except TimeoutError:
            self._connection.transport.abort()

    async def _read(self, contexts: Contexts) -> None:
        peer: FirstVersion | SecondVersion
        if self._connection.subprotocol == protocol.SUBPROTOCOL:
            peer = SecondVersion(contexts, self._send, self.spawn, self._over)
        else:
            peer = FirstVersion(contexts.browser, self._send)
        try:
            with contextlib.suppress(ConnectionClosed):  # by whoever ended the session, who has said why
                async for frame in self._connection:
                    await peer.receive(frame)
        except SessionOver as over:
            self._over(over)

    def _over(self, over: SessionOver) -> None:
        """What an action found out. That the browser is gone, who watches it says, in time."""
        if over.reason != BROWSER_GONE:
            self.end(over)

    async def _send(self, frame: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._connection.send(frame)

    def _tell(self, happening: actions.Happening) -> None:
        """The oldest go where the client does not read them."""
        self._told.put(protocol.pack(protocol.Told(happening)))

    async def _tell_all(self) -> None:
        while True:
            await self._send(await self._told.take())

    async def _watch_client(self) -> None:
        await self._connection.wait_closed()
        self.end(None)

    async def _watch_browser(self, browser: Attachment) -> None:
        await browser.gone.wait()
        await asyncio.sleep(_FOR_THE_PROXY)
        self.end(SessionOver(1011, BROWSER_GONE, End.BROWSER_GONE))

    async def _watch_driver(self) -> None:
        how = await self._driver.ended()
        self.end(SessionOver(1011, f"server: the browser driver ended ({how})", End.DRIVER_ENDED))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A mistake of ours ends this session and no other."""
        try:
            await work
        except Exception:
            log.exception("%s: the session cannot go on", self._instance)
            self.end(SessionOver(1011, "server: internal error, see its log"))
