"""From a target, and the frame that it is in, to Playwright's locator. Only this module knows how they are written."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import FloatRect, Frame, FrameLocator, Locator, Page

from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.listeners import safe
from tzafonwright.server.refused import Refused

_REFERENCE = re.compile(r"(?:aria-)?ref=(\w+)")
_WORD = re.compile(r"[\w-]+")


async def locate(call: Call, target: str, frame: str | None = None) -> Locator:
    """The element; it need not be there yet, unless it is a reference of a snapshot."""
    if reference := _REFERENCE.fullmatch(target.strip()):
        return await _referenced(call.page, reference[1])
    scope = await scope_of(call, frame)
    return scope.locator(target)


async def shown(call: Call, target: str, frame: str | None) -> FloatRect:
    """Where the element is in the viewport, once it has been scrolled there. Refused when it takes no place."""
    locator = await locate(call, target, frame)
    await locator.scroll_into_view_if_needed(timeout=call.ms)
    box = await locator.bounding_box(timeout=call.ms)
    if box is None or not box["width"] or not box["height"]:
        raise Refused(Code.NOT_ACTIONABLE, f"{target!r} takes no place on the page")
    return box


async def scope_of(call: Call, frame: str | None) -> Page | Frame | FrameLocator:
    """Where to look: by name or URL, else by the selector of the frame's element, which is waited for."""
    if frame is None:
        return call.page
    if found := _known(call.page, frame):
        return found
    if "://" in frame:
        return await _awaited(call, frame)
    if _WORD.fullmatch(frame):
        return call.page.frame_locator(f'{frame}, iframe[name="{frame}"], frame[name="{frame}"]')
    return call.page.frame_locator(frame)


async def frame_of(call: Call, frame: str | None) -> Page | Frame:
    """The same where a whole frame is needed, to run scripts in."""
    scope = await scope_of(call, frame)
    if not isinstance(scope, FrameLocator):
        return scope
    element = await scope.owner.element_handle(timeout=call.ms)
    content = await element.content_frame()
    if content is None:
        raise Refused(Code.NOT_ACTIONABLE, f"{frame!r} is not a frame", "see which there are with frames")
    return content


async def _referenced(page: Page, reference: str) -> Locator:
    """A reference is of one element, which either is there or will never be again."""
    locator = page.locator(f"aria-ref={reference}")
    if not await locator.count():
        hint = "take a new snapshot and use its references"
        raise Refused(Code.NOT_FOUND, f"the page has no element {reference!r} of the latest snapshot any more", hint)
    return locator


def _known(page: Page, frame: str) -> Frame | None:
    return next((one for one in page.frames if frame in {one.name, one.url}), None)


async def _awaited(call: Call, url: str) -> Frame:
    changed = asyncio.Event()

    look = safe(lambda _: changed.set())

    call.page.on("framenavigated", look)
    try:
        async with asyncio.timeout_at(call.deadline):
            while not (found := _known(call.page, url)):
                changed.clear()
                await changed.wait()
            return found
    except TimeoutError:
        raise Refused(Code.NOT_FOUND, f"there is no frame at {url}", "see which there are with frames") from None
    finally:
        call.page.remove_listener("framenavigated", look)
