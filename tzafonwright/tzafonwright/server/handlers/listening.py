"""Events on request."""

from __future__ import annotations

from tzafonwright import actions
from tzafonwright.server.call import Call


async def listen(call: Call, action: actions.Listen) -> None:
    """To these topics and no others. What is asked for later happens later, whichever way it takes."""
    async with call.browser.listening:
        if "download" in action.topics:
            await call.browser.downloads.start()
        call.browser.news.listen(action.topics)
        await call.browser.in_step()
