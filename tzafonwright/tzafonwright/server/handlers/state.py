"""What the browser carries from page to page, and what it says of itself."""

from __future__ import annotations

from typing import Any

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.call import Call
from tzafonwright.server.refused import Refused


async def cookies(call: Call, action: actions.Cookies) -> list[dict[str, Any]]:
    """All, or those for these URLs."""
    return [dict(cookie) for cookie in await call.browser.context.cookies(list(action.urls) or None)]


async def set_cookies(call: Call, action: actions.SetCookies) -> None:
    """Beside those that are there."""
    for cookie in action.cookies:
        if not isinstance(cookie.get("name"), str) or not isinstance(cookie.get("value"), str):
            raise Refused(Code.INVALID, "a cookie needs a name and a value, both strings")
    await call.browser.context.add_cookies(list(action.cookies))  # type: ignore[arg-type]


async def clear_cookies(call: Call, _: actions.ClearCookies) -> None:
    """All of them."""
    await call.browser.context.clear_cookies()


async def storage_state(call: Call, _: actions.StorageState) -> dict[str, Any]:
    """Cookies, and local storage of the origins that were visited."""
    return dict(await call.browser.context.storage_state())


async def set_storage_state(call: Call, action: actions.SetStorageState) -> None:
    """Instead of what is there."""
    state = {"cookies": action.state.get("cookies", []), "origins": action.state.get("origins", [])}
    if not isinstance(state["cookies"], list) or not isinstance(state["origins"], list):
        raise Refused(Code.INVALID, "a storage state has the lists cookies and origins")
    await call.browser.context.set_storage_state(state)  # type: ignore[arg-type]


async def set_headers(call: Call, action: actions.SetHeaders) -> None:
    """Instead of those that were set before."""
    await call.browser.context.set_extra_http_headers(action.headers)


async def set_user_agent(call: Call, action: actions.SetUserAgent) -> None:
    """In all tabs, and in those to come."""
    tabs = call.browser.tabs
    tabs.wishes.user_agent = action.user_agent
    for tab in tabs.all():
        await tabs.wishes.apply(tab)


async def set_geolocation(call: Call, action: actions.SetGeolocation) -> None:
    """Pages that may ask are told this."""
    await call.browser.context.set_geolocation(
        {"latitude": action.latitude, "longitude": action.longitude, "accuracy": action.accuracy}
    )


async def grant_permissions(call: Call, action: actions.GrantPermissions) -> None:
    """These and no others."""
    await call.browser.context.clear_permissions()
    if action.permissions:
        await call.browser.context.grant_permissions(list(action.permissions), origin=action.origin)


async def answer_dialogs(call: Call, action: actions.AnswerDialogs) -> None:
    """From now on."""
    call.browser.dialogs.accept, call.browser.dialogs.text = action.accept, action.text


async def dialogs(call: Call, _: actions.Dialogs) -> list[actions.Dialog]:
    """Those since the last time."""
    return call.browser.dialogs.take()
