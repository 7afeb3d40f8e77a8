"""A URL as a download, whatever it is: the response of a page that nobody sees is made an attachment on its way."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from playwright.async_api import CDPSession, Error, Page

from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.downloads import Transfer
from tzafonwright.server.listeners import safe
from tzafonwright.server.refused import Refused

_REDIRECTS = frozenset({301, 302, 303, 307, 308})


async def as_download(call: Call, page: Page, url: str, expected: asyncio.Future[Transfer]) -> Transfer:
    """The download that has begun. Refused when the server answers with an error, or cannot be reached."""
    cdp = await page.context.new_cdp_session(page)
    refused: asyncio.Future[Refused] = asyncio.get_running_loop().create_future()

    def paused(event: dict[str, Any]) -> None:
        call.browser.spawn(_answer(cdp, event, refused))

    cdp.on("Fetch.requestPaused", safe(paused))
    await cdp.send("Fetch.enable", {"patterns": [{"requestStage": "Response", "resourceType": "Document"}]})
    gone = await cdp.send("Page.navigate", {"url": url})
    if not expected.done() and not refused.done() and gone.get("errorText", "net::ERR_ABORTED") != "net::ERR_ABORTED":
        raise Refused(Code.NAVIGATION, f"{gone['errorText'].removeprefix('net::')} at {url}")
    try:
        async with asyncio.timeout_at(call.deadline):
            either: list[asyncio.Future[Any]] = [expected, refused]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    except TimeoutError:
        raise Refused(Code.TIMEOUT, f"no download began from {url}") from None
    if refused.done():
        raise refused.result()
    return expected.result()


async def _answer(cdp: CDPSession, event: dict[str, Any], refused: asyncio.Future[Refused]) -> None:
    request = {"requestId": event["requestId"]}
    status = event.get("responseStatusCode")
    with contextlib.suppress(Error):  # the page is gone already
        if status is None or status in _REDIRECTS:
            await cdp.send("Fetch.continueRequest", request)
        elif status >= 400:
            if not refused.done():
                refused.set_result(
                    Refused(Code.NAVIGATION, f"the server answered {status} for {event['request']['url']}")
                )
            await cdp.send("Fetch.failRequest", {**request, "errorReason": "Aborted"})
        else:
            changed = {"responseCode": status, "responseHeaders": _attached(event.get("responseHeaders", []))}
            await cdp.send("Fetch.continueResponse", {**request, **changed})


def _attached(headers: list[dict[str, str]]) -> list[dict[str, str]]:
    """As they are, with the word that makes the browser keep the body instead of showing it."""
    name = "content-disposition"
    given = next((header["value"] for header in headers if header["name"].lower() == name), "")
    _, _, parameters = given.partition(";")
    value = f"attachment;{parameters}" if parameters else "attachment"
    return [*(header for header in headers if header["name"].lower() != name), {"name": name, "value": value}]
