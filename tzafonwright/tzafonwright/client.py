"""The asyncio client: a browser of one's own behind one WebSocket.

Every method takes `timeout`, in seconds, which holds from end to end. All of them raise ActionFailed (ActionTimeout)
when the browser could not do it, SessionLost when the session is over, InvalidAction when an argument is wrong.
`tzafonwright.sync` has the same methods without await; it is generated from this file.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from tzafonwright import actions, v1
from tzafonwright.actions import (
    Button,
    Coordinate,
    Dialog,
    Download,
    ElementState,
    Frame,
    Happening,
    ImageFormat,
    LoadState,
    Modifier,
    Page,
    Snapshot,
    Tab,
    Topic,
)  # fmt: skip
from tzafonwright.connection import Connection, OnProgress
from tzafonwright.errors import ActionFailed, InvalidAction, Unsupported

Target = str
"""A selector as Playwright has them, or a reference of a snapshot ("ref=e12")."""


class TzafonWrightClient:
    """One session: its browser is claimed when the client connects, and dies when it leaves."""

    def __init__(self, ws_url: str, *, timeout: float = 30.0, connect_timeout: float = 30.0) -> None:
        if not ws_url.startswith(("ws://", "wss://")):
            raise ValueError(f"cannot connect to {ws_url!r}: it must start with ws:// or wss://")
        self.ws_url = ws_url
        self.timeout = timeout
        self._connect_timeout = connect_timeout
        self._connection: Connection | None = None

    async def __aenter__(self) -> TzafonWrightClient:
        await self.connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def connect(self) -> None:
        """Connect and get a browser. ConnectionLost when there is none to be had, with the reason."""
        if self._connection is None:
            self._connection = await Connection.open(self.ws_url, self._connect_timeout)

    async def close(self) -> None:
        """Leave; the browser dies with everything in it."""
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()

    @property
    def version(self) -> int:
        """Of the protocol that the server speaks: 1 or 2; 0 while not connected."""
        return self._connection.version if self._connection else 0

    async def do(
        self,
        action: actions.Action,
        *,
        timeout: float | None = None,
        payload: bytes = b"",
        progress: OnProgress | None = None,
    ) -> Any:
        """Any action of `tzafonwright.actions`; what it gives."""
        return await self._connected().do(action, self.timeout if timeout is None else timeout, payload, progress)

    async def send_action(self, command: v1.Command) -> v1.Result:
        """A command of the first version; one that fails gives a result that says so."""
        try:
            given = await self._connected().do_command(command)
        except (ActionFailed, InvalidAction, Unsupported) as error:
            return v1.Result(False, error_message=str(error))
        return v1.Result(True, image=given if isinstance(given, bytes) else None)

    # Navigation.

    async def goto(
        self, url: str, *, wait_until: LoadState = "load", referer: str | None = None, timeout: float | None = None
    ) -> Page:
        """Go to a URL."""
        page: Page = await self.do(actions.Goto(url=url, wait_until=wait_until, referer=referer), timeout=timeout)
        return page

    async def back(self, *, wait_until: LoadState = "load", timeout: float | None = None) -> Page:
        """One page back in the tab's history; it fails when there is none."""
        page: Page = await self.do(actions.Back(wait_until=wait_until), timeout=timeout)
        return page

    async def forward(self, *, wait_until: LoadState = "load", timeout: float | None = None) -> Page:
        """One page forward in the tab's history; it fails when there is none."""
        page: Page = await self.do(actions.Forward(wait_until=wait_until), timeout=timeout)
        return page

    async def reload(self, *, wait_until: LoadState = "load", timeout: float | None = None) -> Page:
        """Load the page again."""
        page: Page = await self.do(actions.Reload(wait_until=wait_until), timeout=timeout)
        return page

    async def where(self, *, timeout: float | None = None) -> Page:
        """Where the current tab is: URL and title."""
        page: Page = await self.do(actions.Where(), timeout=timeout)
        return page

    # Mouse.

    async def click(
        self,
        target: Target | Coordinate,
        y: Coordinate | None = None,
        *,
        button: Button = "left",
        count: int = 1,
        modifiers: Sequence[Modifier] = (),
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Click on a target, or at a point: `click("text=Save")`, `click(120, 80)`."""
        point = _point(target, y, frame)
        action = actions.Click(**point, button=button, count=count, modifiers=tuple(modifiers))
        await self.do(action, timeout=timeout)

    async def double_click(
        self,
        target: Target | Coordinate,
        y: Coordinate | None = None,
        *,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Click twice."""
        await self.do(actions.Click(**_point(target, y, frame), count=2), timeout=timeout)

    async def hover(
        self,
        target: Target | Coordinate,
        y: Coordinate | None = None,
        *,
        modifiers: Sequence[Modifier] = (),
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Move the mouse over a target, or to a point."""
        await self.do(actions.Hover(**_point(target, y, frame), modifiers=tuple(modifiers)), timeout=timeout)

    async def drag(
        self,
        start: Target | tuple[Coordinate, Coordinate],
        end: Target | tuple[Coordinate, Coordinate],
        *,
        steps: int = 10,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Press the mouse at the start, move it in so many steps, release it at the end; each a target or a point."""
        ends = {**_end("from", start), **_end("to", end)}
        await self.do(actions.Drag(**ends, steps=steps, frame=frame), timeout=timeout)

    async def scroll(
        self,
        delta_x: Coordinate = 0,
        delta_y: Coordinate = 0,
        *,
        target: Target | None = None,
        x: Coordinate | None = None,
        y: Coordinate | None = None,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Turn the wheel by so many pixels, over a target or a point if one is given."""
        action = actions.Scroll(delta_x=delta_x, delta_y=delta_y, target=target, x=x, y=y, frame=frame)
        await self.do(action, timeout=timeout)

    # Keyboard.

    async def type(
        self,
        text: str,
        *,
        target: Target | None = None,
        delay: float = 0,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Type key by key, into a target or into what has the focus; delay seconds between keys."""
        await self.do(actions.Type(text=text, target=target, delay=delay, frame=frame), timeout=timeout)

    async def fill(self, target: Target, text: str, *, frame: str | None = None, timeout: float | None = None) -> None:
        """Replace what a field holds."""
        await self.do(actions.Fill(target=target, text=text, frame=frame), timeout=timeout)

    async def press(
        self, keys: str, *, target: Target | None = None, frame: str | None = None, timeout: float | None = None
    ) -> None:
        """Press a key, or a chord such as "Control+A"."""
        await self.do(actions.Press(keys=keys, target=target, frame=frame), timeout=timeout)

    async def hotkey(self, *keys: str, timeout: float | None = None) -> None:
        """Press keys together: `hotkey("Control", "Shift", "T")`."""
        await self.do(actions.Press(keys="+".join(keys)), timeout=timeout)

    # Forms and files.

    async def select(
        self, target: Target, *values: str, frame: str | None = None, timeout: float | None = None
    ) -> tuple[str, ...]:
        """Choose these values, or labels, of a list; what is chosen then."""
        chosen: tuple[str, ...] = await self.do(
            actions.Select(target=target, values=values, frame=frame), timeout=timeout
        )
        return chosen

    async def check(self, target: Target, *, frame: str | None = None, timeout: float | None = None) -> None:
        """Check a box or a radio button, if it is not."""
        await self.do(actions.Check(target=target, frame=frame), timeout=timeout)

    async def uncheck(self, target: Target, *, frame: str | None = None, timeout: float | None = None) -> None:
        """Uncheck a box, if it is checked."""
        await self.do(actions.Check(target=target, checked=False, frame=frame), timeout=timeout)

    async def upload(
        self,
        target: Target,
        *files: str | Path | tuple[str, bytes],
        frame: str | None = None,
        progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> None:
        """Give files to a file field: paths of this machine, or names with bytes."""
        contents = [_content(file) for file in files]
        shown = tuple(actions.File(name, len(data)) for name, data in contents)
        action = actions.Upload(target=target, files=shown, frame=frame)
        await self.do(action, timeout=timeout, payload=b"".join(data for _, data in contents), progress=progress)

    async def download(
        self,
        target: Target | None = None,
        *,
        url: str | None = None,
        frame: str | None = None,
        progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> Download:
        """Fetch a file by clicking on a target, or from a URL; its bytes are in `data`."""
        action = actions.Fetch(target=target, url=url, frame=frame)
        fetched: Download = await self.do(action, timeout=timeout, progress=progress)
        return fetched

    # Pictures.

    async def screenshot(
        self,
        *,
        target: Target | None = None,
        full_page: bool = False,
        format: ImageFormat = "png",  # noqa: A002 - the word that users know
        quality: int | None = None,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """A picture of the viewport, of the whole page, or of a target."""
        action = actions.Screenshot(target=target, full_page=full_page, format=format, quality=quality, frame=frame)
        image: bytes = await self.do(action, timeout=timeout)
        return image

    async def pdf(
        self,
        *,
        format: str = "A4",  # noqa: A002 - the word that users know
        landscape: bool = False,
        background: bool = True,
        scale: float = 1,
        timeout: float | None = None,
    ) -> bytes:
        """The page as it would be printed."""
        action = actions.Pdf(format=format, landscape=landscape, background=background, scale=scale)
        document: bytes = await self.do(action, timeout=timeout)
        return document

    async def set_viewport(self, width: int, height: int, *, timeout: float | None = None) -> None:
        """The size of the page's visible part."""
        await self.do(actions.SetViewport(width=width, height=height), timeout=timeout)

    # Waiting.

    async def wait_for(
        self,
        target: Target,
        *,
        state: ElementState = "visible",
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Until the target is visible, hidden, attached or detached."""
        await self.do(actions.WaitFor(target=target, state=state, frame=frame), timeout=timeout)

    async def wait_for_url(self, url: str, *, timeout: float | None = None) -> Page:
        """Until the tab is at a URL, or at one of a pattern with * and **."""
        page: Page = await self.do(actions.WaitForUrl(url=url), timeout=timeout)
        return page

    async def wait_for_load(
        self, state: Literal["load", "domcontentloaded", "networkidle"] = "load", *, timeout: float | None = None
    ) -> None:
        """Until the page has loaded so far."""
        await self.do(actions.WaitForLoad(state=state), timeout=timeout)

    async def wait_for_function(self, expression: str, argument: Any = None, *, timeout: float | None = None) -> Any:
        """Until the JavaScript expression or function gives something true; what it gave."""
        return await self.do(actions.WaitForFunction(expression=expression, argument=argument), timeout=timeout)

    # Reading.

    async def evaluate(
        self, expression: str, argument: Any = None, *, frame: str | None = None, timeout: float | None = None
    ) -> Any:
        """What a JavaScript expression, or a function of one argument, gives; promises are awaited."""
        return await self.do(actions.Evaluate(expression=expression, argument=argument, frame=frame), timeout=timeout)

    async def content(self, *, timeout: float | None = None) -> str:
        """The page's HTML as it is now."""
        html: str = await self.do(actions.Content(), timeout=timeout)
        return html

    async def text(self, target: Target = "body", *, frame: str | None = None, timeout: float | None = None) -> str:
        """The text that a target shows."""
        shown: str = await self.do(actions.ReadText(target=target, frame=frame), timeout=timeout)
        return shown

    async def snapshot(self, target: Target = "body", *, timeout: float | None = None) -> Snapshot:
        """The accessibility tree as an outline with references: `click("ref=e12")`."""
        taken: Snapshot = await self.do(actions.TakeSnapshot(target=target), timeout=timeout)
        return taken

    # What the browser carries.

    async def cookies(self, *urls: str, timeout: float | None = None) -> list[dict[str, Any]]:
        """All cookies, or those that would be sent to these URLs."""
        found: list[dict[str, Any]] = await self.do(actions.Cookies(urls=urls), timeout=timeout)
        return found

    async def set_cookies(self, *cookies: Mapping[str, Any], timeout: float | None = None) -> None:
        """Add cookies: name, value, and url or domain with path."""
        await self.do(actions.SetCookies(cookies=tuple(map(dict, cookies))), timeout=timeout)

    async def clear_cookies(self, *, timeout: float | None = None) -> None:
        """Remove all cookies."""
        await self.do(actions.ClearCookies(), timeout=timeout)

    async def storage_state(self, *, timeout: float | None = None) -> dict[str, Any]:
        """Cookies and local storage, to be given to another session."""
        state: dict[str, Any] = await self.do(actions.StorageState(), timeout=timeout)
        return state

    async def set_storage_state(self, state: Mapping[str, Any] | str | Path, *, timeout: float | None = None) -> None:
        """Take over cookies and local storage, from `storage_state` or from a file of it."""
        await self.do(actions.SetStorageState(state=_state(state)), timeout=timeout)

    async def set_headers(self, headers: Mapping[str, str], *, timeout: float | None = None) -> None:
        """Send these with every request from now on."""
        await self.do(actions.SetHeaders(headers=dict(headers)), timeout=timeout)

    async def set_user_agent(self, user_agent: str, *, timeout: float | None = None) -> None:
        """Call the browser so from now on."""
        await self.do(actions.SetUserAgent(user_agent=user_agent), timeout=timeout)

    async def set_geolocation(
        self, latitude: float, longitude: float, *, accuracy: float = 0, timeout: float | None = None
    ) -> None:
        """Be there; pages may ask once "geolocation" is granted."""
        action = actions.SetGeolocation(latitude=latitude, longitude=longitude, accuracy=accuracy)
        await self.do(action, timeout=timeout)

    async def grant_permissions(
        self, *permissions: str, origin: str | None = None, timeout: float | None = None
    ) -> None:
        """Grant exactly these from now on, such as "geolocation" or "clipboard-read"."""
        await self.do(actions.GrantPermissions(permissions=permissions, origin=origin), timeout=timeout)

    # Dialogs, tabs, frames.

    async def answer_dialogs(self, *, accept: bool, text: str = "", timeout: float | None = None) -> None:
        """How dialogs are answered from now on; until then they are dismissed."""
        await self.do(actions.AnswerDialogs(accept=accept, text=text), timeout=timeout)

    async def dialogs(self, *, timeout: float | None = None) -> list[Dialog]:
        """The dialogs that came up since this was last asked."""
        found: list[Dialog] = await self.do(actions.Dialogs(), timeout=timeout)
        return found

    async def tabs(self, *, timeout: float | None = None) -> list[Tab]:
        """All tabs, also those that pages opened."""
        found: list[Tab] = await self.do(actions.Tabs(), timeout=timeout)
        return found

    async def open_tab(self, url: str | None = None, *, timeout: float | None = None) -> Tab:
        """Open a tab, which is then the current one."""
        tab: Tab = await self.do(actions.OpenTab(url=url), timeout=timeout)
        return tab

    async def switch_tab(self, tab: Tab | str, *, timeout: float | None = None) -> Tab:
        """Make a tab the current one: what follows is done in it."""
        now: Tab = await self.do(actions.SwitchTab(tab=tab.id if isinstance(tab, Tab) else tab), timeout=timeout)
        return now

    async def close_tab(self, tab: Tab | str | None = None, *, timeout: float | None = None) -> None:
        """Close a tab, or the current one."""
        await self.do(actions.CloseTab(tab=tab.id if isinstance(tab, Tab) else tab), timeout=timeout)

    async def frames(self, *, timeout: float | None = None) -> list[Frame]:
        """The frames of the current tab."""
        found: list[Frame] = await self.do(actions.Frames(), timeout=timeout)
        return found

    # Contexts.

    async def switch_context(self, context: Literal["browser", "desktop"], *, timeout: float | None = None) -> None:
        """Do what follows in the browser, or on the desktop around it."""
        await self.do(actions.SwitchContext(context=context), timeout=timeout)

    # Events.

    async def events(self, *topics: Topic) -> AsyncIterator[Happening]:
        """What happens of these topics, until the loop is left."""
        connection = self._connected()
        await self.do(actions.Listen(topics=topics))
        async for happening in connection.happenings():
            yield happening

    def _connected(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("not connected: use `async with TzafonWrightClient(...)`, or await connect()")
        return self._connection


@asynccontextmanager
async def connect_tzafonwright(ws_url: str) -> AsyncIterator[TzafonWrightClient]:
    """A connected client, closed at the end."""
    async with TzafonWrightClient(ws_url=ws_url) as client:
        yield client


def _point(target: Target | float, y: float | None, frame: str | None) -> dict[str, Any]:
    if isinstance(target, str):
        if y is not None:
            raise InvalidAction("cannot use y: it goes with x, and a target was given")
        return {"target": target, "frame": frame}
    return {"x": target, "y": y, "frame": frame}


def _end(which: str, at: Target | tuple[float, float]) -> dict[str, Any]:
    return {f"{which}_target" if isinstance(at, str) else f"{which}_point": at}


def _content(file: str | Path | tuple[str, bytes]) -> tuple[str, bytes]:
    if isinstance(file, tuple):
        return file
    path = Path(file)
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise InvalidAction(f"cannot upload {path}: {error}") from error


def _state(state: Mapping[str, Any] | str | Path) -> dict[str, Any]:
    if isinstance(state, Mapping):
        return dict(state)
    try:
        return dict(json.loads(Path(state).read_text()))
    except (OSError, ValueError) as error:
        raise InvalidAction(f"cannot read a storage state from {state}: {error}") from error
