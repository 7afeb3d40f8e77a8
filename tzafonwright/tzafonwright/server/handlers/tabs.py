"""Tabs. Each of these waits for what is under way on the tab that it closes, and for nothing else."""

from __future__ import annotations

from tzafonwright import actions
from tzafonwright.server.call import Call


async def tabs(call: Call, _: actions.Tabs) -> list[actions.Tab]:
    """Those of pop-ups included."""
    return [await call.browser.tabs.shown(tab) for tab in call.browser.tabs.all()]


async def open_tab(call: Call, action: actions.OpenTab) -> actions.Tab:
    """It stays open where its page cannot be reached."""
    tab = await call.browser.tabs.open()
    if action.url is not None:
        async with tab.line.join():
            await tab.page.goto(action.url, timeout=call.ms)
    return await call.browser.tabs.shown(tab)


async def switch_tab(call: Call, action: actions.SwitchTab) -> actions.Tab:
    """Without waiting for what is under way on either."""
    tab = call.browser.tabs.find(action.tab)
    await call.browser.tabs.switch(tab)
    return await call.browser.tabs.shown(tab)


async def close_tab(call: Call, action: actions.CloseTab) -> None:
    """The one that was opened last is current then."""
    tab = call.tab if action.tab is None else call.browser.tabs.find(action.tab)
    async with tab.line.join():
        await tab.page.close()
