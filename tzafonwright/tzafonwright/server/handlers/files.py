"""Files into the browser and out of it. Neither side can read the other's disk: all bytes go through DevTools."""

from __future__ import annotations

import asyncio
import base64

from playwright.async_api import ElementHandle, Error

from tzafonwright import actions, protocol
from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.downloads import Transfer, chunks
from tzafonwright.server.fetching import as_download
from tzafonwright.server.refused import Refused
from tzafonwright.server.targets import locate

_CHUNK = 1024 * 1024
_LARGEST = protocol.MAX_FRAME - protocol.MAX_HEADER

_FIELD = """element => {
  const field = element.tagName === 'LABEL' ? element.control : element;
  if (!field || field.tagName !== 'INPUT' || field.type !== 'file') return null;
  return { disabled: field.disabled, multiple: field.multiple };
}"""
_ADD = """(held, data) => {
  const bytes = Uint8Array.fromBase64 ? Uint8Array.fromBase64(data) : Uint8Array.from(atob(data), c => c.charCodeAt(0));
  held.parts.push(bytes);
}"""
_END = "(held, [name, type]) => { held.files.push(new File(held.parts, name, { type })); held.parts = [] }"
_SET = """(element, held) => {
  const field = element.tagName === 'LABEL' ? element.control : element;
  const transfer = new DataTransfer();
  for (const file of held.files) transfer.items.add(file);
  field.files = transfer.files;
  field.dispatchEvent(new Event('input', { bubbles: true, composed: true }));
  field.dispatchEvent(new Event('change', { bubbles: true }));
}"""


async def upload(call: Call, action: actions.Upload) -> None:
    """Into a file field, its label, or whatever asks for files when it is clicked."""
    total = sum(file.size for file in action.files)
    if total != len(call.payload):
        raise Refused(Code.INVALID, f"the files are {total} bytes, but {len(call.payload)} came")
    element = await _field(call, action)
    held = await element.evaluate_handle("() => ({ parts: [], files: [] })")
    sent = 0
    for file in action.files:
        end = sent + file.size
        while sent < end:
            part = call.payload[sent : min(end, sent + _CHUNK)]
            await held.evaluate(_ADD, base64.b64encode(part).decode())
            sent += len(part)
            await call.say("uploading", sent, total)
        await held.evaluate(_END, [file.name, file.type])
    await element.evaluate(_SET, held)


async def download(call: Call, action: actions.Fetch) -> actions.Download:
    """By a click or from a URL; first into the browser, then from there."""
    downloads = call.browser.downloads
    await downloads.start()
    async with call.browser.tabs.hidden() as page:
        async with downloads.expected() as expected:
            if action.url is not None and action.url.startswith(("http://", "https://")):
                transfer = await as_download(call, page, action.url, expected)
            else:
                await _begin(call, action)
                transfer = await _begun(call, expected)
        await downloads.finish(transfer, call.say)
        cdp = await page.context.new_cdp_session(page)
        return await _read(call, transfer, [part async for part in _limited(call, cdp, transfer)])


async def _begin(call: Call, action: actions.Fetch) -> None:
    if action.target is not None:
        await (await locate(call, action.target, action.frame)).click(timeout=call.ms)
    else:  # such as blob: and data:, which belong to the page
        await call.page.evaluate(
            "url => Object.assign(document.createElement('a'), { href: url, download: '' }).click()", action.url
        )


async def _begun(call: Call, expected: asyncio.Future[Transfer]) -> Transfer:
    try:
        async with asyncio.timeout_at(call.deadline):
            return await expected
    except TimeoutError:
        raise Refused(Code.TIMEOUT, "no download began", "the target may open a page instead: use click") from None


async def _limited(call: Call, cdp: object, transfer: Transfer):  # type: ignore[no-untyped-def]
    done = 0
    async for part in chunks(cdp, transfer.path):  # type: ignore[arg-type]
        done += len(part)
        if done > _LARGEST:
            raise Refused(Code.UNSUPPORTED, f"the file is larger than {_LARGEST >> 20} MiB")
        await call.say("reading", done, transfer.received)
        yield part


async def _read(call: Call, transfer: Transfer, parts: list[bytes]) -> actions.Download:
    data = b"".join(parts)
    return actions.Download(transfer.name, transfer.url, len(data), data)


async def _field(call: Call, action: actions.Upload) -> ElementHandle:
    locator = await locate(call, action.target, action.frame)
    element = await locator.element_handle(timeout=call.ms)
    facts = await element.evaluate(_FIELD)
    if facts is None:
        element = await _chosen(call, element)
        facts = await element.evaluate(_FIELD)
    if facts["disabled"]:
        raise Refused(Code.NOT_ACTIONABLE, "the file field is disabled", "wait until it is enabled")
    if len(action.files) > 1 and not facts["multiple"]:
        raise Refused(Code.INVALID, f"the field takes one file, not {len(action.files)}")
    return element


async def _chosen(call: Call, element: ElementHandle) -> ElementHandle:
    """Of a button that opens a file chooser: the field that it is for."""
    try:
        async with call.page.expect_file_chooser(timeout=min(5000.0, call.ms)) as chooser:
            await element.click(timeout=call.ms)
        return (await chooser.value).element
    except Error as error:
        if "filechooser" not in error.message and "file chooser" not in error.message:
            raise
        raise Refused(Code.NOT_ACTIONABLE, "the target is no file field and asks for no files") from error
