"""How each action is done, one module a family; TABLE says which handler does which action.

    navigation   goto, back, forward, reload, where
    mouse        click, hover, drag, scroll
    keyboard     type, fill, press
    forms        select, check
    files        upload, download
    pictures     screenshot, pdf, set_viewport
    waiting      wait_for…
    reading      evaluate, content, text, snapshot, frames
    state        cookies, storage, headers, user agent, geolocation, permissions, dialogs
    tabs         tabs, open_tab, switch_tab, close_tab
    listening    listen

A handler takes the call and the action, and gives what the action gives. It raises Refused, or lets Playwright's errors
through.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tzafonwright import actions
from tzafonwright.server.call import Call
from tzafonwright.server.handlers import (
    files,
    forms,
    keyboard,
    listening,
    mouse,
    navigation,
    pictures,
    reading,
    state,
    tabs,
    waiting,
)

Handler = Callable[[Call, Any], Awaitable[Any]]

TABLE: dict[type[actions.Action], Handler] = {
    actions.Goto: navigation.goto,
    actions.Back: navigation.back,
    actions.Forward: navigation.forward,
    actions.Reload: navigation.reload,
    actions.Where: navigation.where,
    actions.Click: mouse.click,
    actions.Hover: mouse.hover,
    actions.Drag: mouse.drag,
    actions.Scroll: mouse.scroll,
    actions.Type: keyboard.type_text,
    actions.Fill: keyboard.fill,
    actions.Press: keyboard.press,
    actions.Select: forms.select,
    actions.Check: forms.check,
    actions.Upload: files.upload,
    actions.Fetch: files.download,
    actions.Screenshot: pictures.screenshot,
    actions.Pdf: pictures.pdf,
    actions.SetViewport: pictures.set_viewport,
    actions.WaitFor: waiting.wait_for,
    actions.WaitForUrl: waiting.wait_for_url,
    actions.WaitForLoad: waiting.wait_for_load,
    actions.WaitForFunction: waiting.wait_for_function,
    actions.Evaluate: reading.evaluate,
    actions.Content: reading.content,
    actions.ReadText: reading.text,
    actions.TakeSnapshot: reading.snapshot,
    actions.Frames: reading.frames,
    actions.Cookies: state.cookies,
    actions.SetCookies: state.set_cookies,
    actions.ClearCookies: state.clear_cookies,
    actions.StorageState: state.storage_state,
    actions.SetStorageState: state.set_storage_state,
    actions.SetHeaders: state.set_headers,
    actions.SetUserAgent: state.set_user_agent,
    actions.SetGeolocation: state.set_geolocation,
    actions.GrantPermissions: state.grant_permissions,
    actions.AnswerDialogs: state.answer_dialogs,
    actions.Dialogs: state.dialogs,
    actions.Tabs: tabs.tabs,
    actions.OpenTab: tabs.open_tab,
    actions.SwitchTab: tabs.switch_tab,
    actions.CloseTab: tabs.close_tab,
    actions.Listen: listening.listen,
}

AT_ONCE = (actions.Listen,)
WITHOUT_TAB = (actions.Listen, actions.OpenTab, actions.SwitchTab)
CHOOSING = (actions.OpenTab, actions.SwitchTab, actions.CloseTab)
REPEATABLE = (
    actions.Where,
    actions.Hover,
    actions.Fill,
    actions.Select,
    actions.Check,
    actions.Screenshot,
    actions.Pdf,
    actions.SetViewport,
    actions.WaitFor,
    actions.WaitForUrl,
    actions.WaitForLoad,
    actions.WaitForFunction,
    actions.Evaluate,
    actions.Content,
    actions.ReadText,
    actions.TakeSnapshot,
    actions.Frames,
    actions.StorageState,
)
"""What can be done again when the page changed under it: doing it twice is doing it once."""

POINTING = (actions.Click, actions.Hover, actions.Drag, actions.Check, actions.Upload, actions.Fetch)
"""What may leave the driver's mouse at another place."""
