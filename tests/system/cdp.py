"""A client that speaks the DevTools protocol itself: one WebSocket, one caller."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

DOWNLOADS = "/tmp/downloads"
Message = dict[str, Any]


class Refusal(Exception):
    """The browser answered with an error."""


class Session:
    """Calls are answered in turn; events that nobody has asked for yet are kept."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._events: deque[Message] = deque()

    async def call(self, method: str, page: str = "", **params: Any) -> Message:
        """The result of a method of the browser, or of one page of it. Refusal when it answers with an error."""
        number = next(self._numbers)
        where = {"sessionId": page} if page else {}
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params, **where}))
        while (message := await self._receive()).get("id") != number:
            self._events.append(message)
        if "error" in message:
            raise Refusal(f"{method}: {message['error']}")
        return message["result"]

    async def event(self, method: str, **params: Any) -> Message:
        """The first event of that name, with these parameters, that has not been handed out yet."""
        seen, self._events = self._events, deque()
        while True:
            message = seen.popleft() if seen else await self._receive()
            if message.get("method") == method and params.items() <= message["params"].items():
                self._events += seen
                return message["params"]
            self._events.append(message)

    async def closed(self) -> tuple[int, str]:
        """The code and the reason that the other side closes with."""
        try:
            while True:
                await self._receive()
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "no close frame")

    async def send_binary(self, data: bytes) -> None:
        """What no browser understands."""
        await self._socket.send(data)

    async def page(self, url: str = "about:blank") -> str:
        """A new page that has loaded, attached to."""
        target = await self.call("Target.createTarget", url="about:blank")
        page = (await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True))["sessionId"]
        await self.call("Page.enable", page)
        await self.call("Page.setLifecycleEventsEnabled", page, enabled=True)
        if url != "about:blank" and (error := await self.navigate(page, url)):
            raise Refusal(f"cannot open {url}: {error}")
        return page

    async def navigate(self, page: str, url: str) -> str:
        """Go there and wait until it has loaded; the network error if there is one."""
        answer = await self.call("Page.navigate", page, url=url)
        if "errorText" not in answer and not answer.get("isDownload"):
            await self.event("Page.lifecycleEvent", name="load", loaderId=answer["loaderId"])
        return answer.get("errorText", "")

    async def evaluate(self, page: str, expression: str) -> Any:
        """The expression's value, awaited if it is a promise."""
        answer = await self.call("Runtime.evaluate", page, expression=expression, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    async def text(self, page: str) -> str:
        """What the page shows."""
        return await self.evaluate(page, "document.body.innerText")

    async def pid(self) -> int:
        """The browser's main process, as numbered on its host."""
        processes = (await self.call("SystemInfo.getProcessInfo"))["processInfo"]
        return next(process["id"] for process in processes if process["type"] == "browser")

    async def download(self, page: str, url: str) -> str:
        """Fetch an attachment into the browser's own files; how it ended."""
        await self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=DOWNLOADS, eventsEnabled=True)
        await self.navigate(page, url)
        while (progress := await self.event("Browser.downloadProgress"))["state"] == "inProgress":
            pass
        return progress["state"]

    async def _receive(self) -> Message:
        return json.loads(await self._socket.recv())


@asynccontextmanager
async def session(endpoint: str, **options: Any) -> AsyncIterator[Session]:
    """A session at a ws:// URL; options go to `websockets.connect`."""
    async with connect(
        endpoint, max_size=None, compression=None, ping_interval=None, open_timeout=90, **options
    ) as socket:
        yield Session(socket)
