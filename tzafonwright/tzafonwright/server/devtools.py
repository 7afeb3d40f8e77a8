"""The browser's DevTools, past the driver: for what must be quick, and for what Playwright does not offer.

Errors are Playwright's, in its words, so that one module, `failures`, reads all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from playwright.async_api import Error, Page
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tzafonwright.server.backend import Spawn
from tzafonwright.server.texts import whole

T = TypeVar("T")
_OPEN = 5.0
_CLOSE = 1.0
_GONE = "Target page, context or browser has been closed"


class _Failure(msgspec.Struct):
    message: str


class _Message(msgspec.Struct):
    id: int = 0
    error: _Failure | None = None
    result: msgspec.Raw = msgspec.Raw(b"{}")
    method: str = ""
    params: msgspec.Raw = msgspec.Raw(b"{}")
    session: str = msgspec.field(default="", name="sessionId")


_decoder = msgspec.json.Decoder(_Message)


class _Attached(msgspec.Struct):
    session: str = msgspec.field(name="sessionId")


class _World(msgspec.Struct):
    default: bool = msgspec.field(default=False, name="isDefault")
    frame: str = msgspec.field(default="", name="frameId")


class _Context(msgspec.Struct):
    unique: str = msgspec.field(name="uniqueId")
    world: _World = msgspec.field(default_factory=_World, name="auxData")


class _Created(msgspec.Struct):
    context: _Context


@dataclass(frozen=True, slots=True)
class _Waiting:
    session: str
    method: str
    answered: asyncio.Future[msgspec.Raw]

    def fail(self, words: str) -> None:
        if not self.answered.done():
            self.answered.set_exception(Error(words))


class DevTools:
    """A connection to one browser, opened when it is first used; it closes with the browser, or the session."""

    def __init__(self, endpoint: str, spawn: Spawn) -> None:
        self._endpoint = endpoint
        self._spawn = spawn
        self._opening: asyncio.Future[ClientConnection] | None = None
        self._socket: ClientConnection | None = None
        self._ids = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._pages: dict[str, PageTools] = {}

    async def attach(self, page: PageTools, target: str) -> str:
        """A session with the page of this target, which is told what happens in it."""
        request = {"targetId": target, "flatten": True}
        answered = await (await self.send("Target.attachToTarget", request))
        session = msgspec.json.decode(answered, type=_Attached).session
        self._pages[session] = page
        return session

    async def send(
        self, method: str, parameters: Mapping[str, object], session: str = ""
    ) -> asyncio.Future[msgspec.Raw]:
        """What the answer is going to be. Methods are done in the order in which they were sent."""
        socket = self._socket or await self._open()
        number = next(self._ids)
        answered: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[number] = _Waiting(session, method, answered)
        answered.add_done_callback(functools.partial(self._answered, number))
        request = {"id": number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        with contextlib.suppress(ConnectionClosed):  # who reads says why
            await socket.send(msgspec.json.encode(request), text=True)
        return answered

    def fail(self, session: str, words: str) -> None:
        """What is under way of a page's session fails with these words."""
        for waiting in list(self._waiting.values()):
            if waiting.session == session:
                waiting.fail(words)

    def _detach(self, session: str) -> None:
        self.fail(session, _GONE)
        if page := self._pages.pop(session, None):
            page.detached()

    def _answered(self, number: int, answered: asyncio.Future[msgspec.Raw]) -> None:
        """Whoever does not look at the answer does not have to look at an error, either."""
        del self._waiting[number]
        if not answered.cancelled():
            answered.exception()

    async def _open(self) -> ClientConnection:
        """One connection for all who ask meanwhile, also when the first of them gives up."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()
            self._spawn(self._run(self._opening))
        return await asyncio.shield(self._opening)

    async def _run(self, opened: asyncio.Future[ClientConnection]) -> None:
        connecting = connect(
            self._endpoint,
            compression=None,
            max_size=None,
            open_timeout=_OPEN,
            close_timeout=_CLOSE,
            ping_interval=None,
            proxy=None,
            user_agent_header=None,
        )
        try:
            with contextlib.suppress(OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                async with connecting as socket:
                    self._socket = socket
                    opened.set_result(socket)
                    async for frame in socket:
                        self._receive(frame)
        finally:
            self._socket = self._opening = None
            for session in ("", *self._pages):
                self._detach(session)
            if not opened.done():
                opened.set_exception(Error(_GONE))
                opened.exception()  # whoever waited may have given up

    def _receive(self, frame: str | bytes) -> None:
        message = _read(frame)
        if message.method == "Target.detachedFromTarget":
            session = msgspec.json.decode(message.params, type=_Attached).session
            self._detach(session)
        elif page := message.method and self._pages.get(message.session):
            page.told(message.method, message.params)
        waiting = self._waiting.get(message.id)
        if waiting is None or waiting.answered.done():
            return
        if message.error:
            waiting.fail(f"Protocol error ({waiting.method}): {message.error.message}")
        else:
            waiting.answered.set_result(message.result)


def _read(frame: str | bytes) -> _Message:
    try:
        return _decoder.decode(frame)
    except msgspec.DecodeError:  # by half a character, which the browser passes on as it is
        return _decoder.decode(whole(json.dumps(json.loads(frame), ensure_ascii=False)))


class PageTools:
    """The DevTools of one page, attached when they are first used."""

    def __init__(self, devtools: DevTools, page: Page) -> None:
        self._devtools = devtools
        self._page = page
        self._attaching = asyncio.Lock()
        self._session = ""
        self._target = ""
        self._context = ""
        self._changed = asyncio.Event()

    async def call(self, method: str, parameters: Mapping[str, object], gives: type[T]) -> T:
        """What a method of the DevTools protocol gives. Playwright's Error when it fails."""
        return msgspec.json.decode(await (await self.send(method, parameters)), type=gives)

    async def send(self, method: str, parameters: Mapping[str, object]) -> asyncio.Future[msgspec.Raw]:
        """The same, without waiting for it: several are done in the order in which they were sent."""
        return await self._devtools.send(method, parameters, self._session or await self._attach())

    async def context(self) -> str:
        """Where scripts run that are meant for the document of the moment: the unique id of its main world."""
        session = self._session or await self._attach()
        while not self._context:
            if self._session != session:
                raise Error(_GONE)
            self._changed.clear()
            await self._changed.wait()
        return self._context

    def told(self, event: str, parameters: msgspec.Raw) -> None:
        """Something happened in the page."""
        if event == "Runtime.executionContextsCleared":
            self._context = ""
        elif event == "Runtime.executionContextCreated":
            context = msgspec.json.decode(parameters, type=_Created).context
            if context.world == _World(default=True, frame=self._target):
                self._context = context.unique
                self._changed.set()

    def detached(self) -> None:
        """The session has ended; whoever needs one attaches again, if there is still a page."""
        self._session = self._context = ""
        self._changed.set()

    def fail(self, words: str) -> None:
        """What is under way fails with these words."""
        if self._session:
            self._devtools.fail(self._session, words)

    async def _attach(self) -> str:
        async with self._attaching:
            if not self._session:
                # Left as it is: to detach it would wait for the end of a navigation.
                known = await self._page.context.new_cdp_session(self._page)
                self._target = (await known.send("Target.getTargetInfo"))["targetInfo"]["targetId"]
                session = await self._devtools.attach(self, self._target)
                await self._devtools.send("Runtime.enable", {}, session)
                self._session = session
            return self._session
