"""Events on request."""

from __future__ import annotations

from tzafonwright import actions
from tzafonwright.server.call import Call


async def listen(call: Call, action: actions.Listen) -> None:
    """To these topics and no others."""
    if "download" in action.topics:
        await call.browser.downloads.start()
    call.browser.news.listen(action.topics)
