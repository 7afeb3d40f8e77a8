"""browser-use's client: cdp_use_python.py ENDPOINT SITE. Given http:// it asks /json/version, as browser-use does."""

import asyncio
import base64
import json
import sys
from typing import Any
from urllib.request import urlopen

from cdp_use.client import CDPClient


def resolved(endpoint: str) -> str:
    if not endpoint.startswith("http"):
        return endpoint
    with urlopen(f"{endpoint}/json/version") as answer:
        return json.load(answer)["webSocketDebuggerUrl"]


async def main(endpoint: str, site: str) -> None:
    async with CDPClient(endpoint) as client:
        print(json.dumps(await visit(client, site)))


async def visit(client: CDPClient, site: str) -> dict[str, object]:
    page = await Page.open(client, f"{site}/form.html")
    await page.click("#count")
    await page.click("#name")
    await client.send.Input.insertText({"text": "Ada"}, page.session)
    return {
        "title": await page.evaluate("document.title"),
        "clicks": await page.evaluate("document.querySelector('#count').textContent"),
        "typed": await page.evaluate("document.querySelector('#greeting').textContent"),
        "screenshot": decoded(await client.send.Page.captureScreenshot(session_id=page.session))[1:4],
        "pdf": decoded(await client.send.Page.printToPDF(session_id=page.session))[:4],
        "download": await page.download("#file"),
        "cookies": [await cookies_of(client, site, mark) for mark in ("first", "second")],
    }


class Page:
    def __init__(self, client: CDPClient, session: str) -> None:
        self.client = client
        self.session = session

    @classmethod
    async def open(cls, client: CDPClient, url: str, **where: str) -> "Page":
        target = await client.send.Target.createTarget({"url": "about:blank", **where})
        attached = await client.send.Target.attachToTarget({"targetId": target["targetId"], "flatten": True})
        session = attached["sessionId"]
        loaded = asyncio.Event()
        client.register.Page.loadEventFired(lambda _, source: loaded.set() if source == session else None)
        await client.send.Page.enable(session_id=session)
        await client.send.Page.navigate({"url": url}, session)
        await loaded.wait()
        return cls(client, session)

    async def evaluate(self, expression: str) -> Any:
        answer = await self.client.send.Runtime.evaluate(
            {"expression": expression, "returnByValue": True}, self.session
        )
        return answer["result"].get("value")

    async def click(self, selector: str) -> None:
        box = await self.evaluate(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")
        middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "button": "left", "clickCount": 1, **middle}
            await self.client.send.Input.dispatchMouseEvent(event, self.session)

    async def download(self, selector: str) -> dict[str, object]:
        names: asyncio.Queue[str] = asyncio.Queue()
        states: asyncio.Queue[str] = asyncio.Queue()
        self.client.register.Browser.downloadWillBegin(lambda event, _: names.put_nowait(event["suggestedFilename"]))
        self.client.register.Browser.downloadProgress(lambda event, _: states.put_nowait(event["state"]))
        await self.client.send.Browser.setDownloadBehavior(
            {"behavior": "allowAndName", "downloadPath": "/tmp/downloads", "eventsEnabled": True}
        )
        await self.click(selector)
        while (state := await states.get()) == "inProgress":
            pass
        return {"name": names.get_nowait(), "failure": None if state == "completed" else state}


async def cookies_of(client: CDPClient, site: str, mark: str) -> str:
    """What a context of its own sees after it was given one cookie; contexts stay open beside each other."""
    context = await client.send.Target.createBrowserContext()
    page = await Page.open(client, f"{site}/blank.html", browserContextId=context["browserContextId"])
    return await page.evaluate(f"document.cookie = '{mark}=1'; document.cookie")


def decoded(answer: dict[str, str]) -> str:
    return base64.b64decode(answer["data"]).decode("latin1")


asyncio.run(main(resolved(sys.argv[1]), sys.argv[2]))
