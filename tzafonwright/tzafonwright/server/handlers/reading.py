"""Reading the page."""

from __future__ import annotations

from typing import Any

from tzafonwright import actions
from tzafonwright.server import scripts
from tzafonwright.server.call import Call
from tzafonwright.server.targets import frame_of, locate


async def evaluate(call: Call, action: actions.Evaluate) -> Any:
    """In the main world of the page, as the console would."""
    if action.frame is None:
        return await scripts.run(call.tab.devtools, action.expression, action.argument)
    frame = await frame_of(call, action.frame)
    return await scripts.run_in(frame, action.expression, action.argument)


async def content(call: Call, _: actions.Content) -> str:
    """HTML."""
    return await call.page.content()


async def text(call: Call, action: actions.ReadText) -> str:
    """As it shows."""
    return await (await locate(call, action.target, action.frame)).inner_text(timeout=call.ms)


async def snapshot(call: Call, action: actions.TakeSnapshot) -> actions.Snapshot:
    """Frames included."""
    if action.target == "body":
        return actions.Snapshot(await call.page.aria_snapshot(mode="ai", timeout=call.ms))
    locator = await locate(call, action.target)
    await locator.wait_for(state="attached", timeout=call.ms)
    return actions.Snapshot(await locator.aria_snapshot(mode="ai", timeout=call.ms))


async def frames(call: Call, _: actions.Frames) -> list[actions.Frame]:
    """The main frame first."""
    await call.browser.in_step()
    return [
        actions.Frame(frame.name, frame.url, frame.parent_frame.url if frame.parent_frame else "")
        for frame in call.page.frames
    ]
