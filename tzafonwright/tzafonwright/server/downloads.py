"""Files that the browser fetches: into its own disk, which nobody else can read, and from there through DevTools."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, CDPSession

from tzafonwright.errors import Code
from tzafonwright.server.backend import Say
from tzafonwright.server.listeners import safe
from tzafonwright.server.refused import Refused

_FOLDER = "/tmp/downloads"  # noqa: S108 - of the browser's own /tmp, which dies with it
_CHUNK = 4 * 1024 * 1024

Told = Callable[[dict[str, Any]], None]


@dataclass
class Transfer:
    """One file on its way into the browser."""

    guid: str
    name: str
    url: str
    changed: asyncio.Event
    state: str = "inProgress"
    received: int = 0
    total: int | None = None
    path: str = ""


class Downloads:
    """All of a browser's; it is told where to put them when the first one is wanted."""

    def __init__(self, browser: Browser, told: Told) -> None:
        self._browser = browser
        self._told = told
        self._cdp: CDPSession | None = None
        self._transfers: dict[str, Transfer] = {}
        self._expecting: asyncio.Future[Transfer] | None = None
        self._beginning = asyncio.Lock()

    async def start(self) -> None:
        """Once is enough, more often is fine."""
        if self._cdp:
            return
        self._cdp = cdp = await self._browser.new_browser_cdp_session()
        cdp.on("Browser.downloadWillBegin", safe(self._begins))
        cdp.on("Browser.downloadProgress", safe(self._goes_on))
        where = {"behavior": "allowAndName", "downloadPath": _FOLDER, "eventsEnabled": True}
        await cdp.send("Browser.setDownloadBehavior", where)

    @contextlib.asynccontextmanager
    async def expected(self) -> AsyncIterator[asyncio.Future[Transfer]]:
        """The next that begins; one begins at a time, so that no two tabs take each other's."""
        async with self._beginning:
            self._expecting = asyncio.get_running_loop().create_future()
            try:
                yield self._expecting
            finally:
                self._expecting.cancel()
                self._expecting = None

    async def finish(self, transfer: Transfer, say: Say) -> None:
        """Waits until the browser has it all; it is given up if the waiting is."""
        try:
            while transfer.state == "inProgress":
                await transfer.changed.wait()
                transfer.changed.clear()
                await say("downloading", transfer.received, transfer.total)
        except BaseException:
            await self._give_up(transfer)
            raise
        if transfer.state != "completed":
            raise Refused(Code.NAVIGATION, f"the download of {transfer.url} broke off", "try again")

    async def _give_up(self, transfer: Transfer) -> None:
        if self._cdp:
            with contextlib.suppress(Exception):
                await self._cdp.send("Browser.cancelDownload", {"guid": transfer.guid})

    def _begins(self, event: dict[str, Any]) -> None:
        guid, name, url = event["guid"], event["suggestedFilename"], event["url"]
        transfer = Transfer(guid, name, url, asyncio.Event(), path=f"{_FOLDER}/{guid}")
        self._transfers[guid] = transfer
        if self._expecting and not self._expecting.done():
            self._expecting.set_result(transfer)
        self._told({"event": "began", "name": name, "url": url})

    def _goes_on(self, event: dict[str, Any]) -> None:
        if transfer := self._transfers.get(event["guid"]):
            transfer.received = int(event["receivedBytes"])
            transfer.total = int(event["totalBytes"]) or None
            transfer.path = event.get("filePath") or transfer.path
            transfer.state = event["state"]
            transfer.changed.set()
            if transfer.state != "inProgress":
                del self._transfers[transfer.guid]
                self._told({"event": transfer.state, "name": transfer.name, "url": transfer.url})


async def chunks(cdp: CDPSession, path: str) -> AsyncIterator[bytes]:
    """A file of the browser's disk, through a blank page: a file field that holds it, and a stream of that."""
    field = await cdp.send(
        "Runtime.evaluate", {"expression": "Object.assign(document.createElement('input'), {type: 'file'})"}
    )
    field_id = field["result"]["objectId"]
    await cdp.send("DOM.setFileInputFiles", {"files": [path], "objectId": field_id})
    first = {"functionDeclaration": "function() { return this.files[0] }", "objectId": field_id}
    file = await cdp.send("Runtime.callFunctionOn", first)
    blob = await cdp.send("IO.resolveBlob", {"objectId": file["result"]["objectId"]})
    offset = 0
    while True:
        asked = {"handle": f"blob:{blob['uuid']}", "offset": offset, "size": _CHUNK}
        part = await cdp.send("IO.read", asked)
        data = base64.b64decode(part["data"]) if part.get("base64Encoded") else part["data"].encode()
        offset += len(data)
        yield data
        if part["eof"]:
            return
