"""The blocking client: the same methods as `tzafonwright.client`, without await.

Generated from client.py by generate-sync; change that file instead of this one.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from tzafonwright import actions, client, v1
from tzafonwright.actions import (
    Button, Coordinate, Dialog, Download, ElementState, Frame, Happening, ImageFormat, LoadState, Modifier, Page,
    Snapshot, Tab, Topic,
)  # fmt: skip
from tzafonwright.client import Target
from tzafonwright.connection import OnProgress
from tzafonwright.errors import ConnectionLost

_GRACE = 0.1
T = TypeVar("T")


class TzafonWrightClient:
    """One session: its browser is claimed when the client connects, and dies when it leaves.

    The connection lives in a thread of its own; the methods may be called from any thread.
    """

    def __init__(self, ws_url: str, *, timeout: float = 30.0, connect_timeout: float = 30.0) -> None:
        self._client = client.TzafonWrightClient(ws_url, timeout=timeout, connect_timeout=connect_timeout)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> TzafonWrightClient:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and get a browser. ConnectionLost when there is none to be had, with the reason."""
        self._refuse_inside()
        with self._lock:
            if self._loop is None:
                self._start()
        try:
            self._run(self._client.connect())
        except BaseException:
            self._stop()
            raise

    def close(self) -> None:
        """Leave; the browser dies with everything in it."""
        self._refuse_inside()
        self._stop()

    @property
    def version(self) -> int:
        """Of the protocol that the server speaks: 1 or 2; 0 while not connected."""
        return self._client.version

    def do(
        self,
        action: actions.Action,
        *,
        timeout: float | None = None,
        payload: bytes = b"",
        progress: OnProgress | None = None,
    ) -> Any:
        """Any action of `tzafonwright.actions`; what it gives."""
        return self._run(self._client.do(action, timeout=timeout, payload=payload, progress=progress))

    def send_action(self, command: v1.Command) -> v1.Result:
        """A command of the first version; one that fails gives a result that says so."""
        return self._run(self._client.send_action(command))

    def events(self, *topics: Topic) -> Iterator[Happening]:
        """What happens of these topics, until the loop is left."""
        events = self._client.events(*topics)
        while (happening := self._run(_next(events))) is not None:
            yield happening

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = self._submit(work)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise ConnectionLost("cannot go on: the client was closed meanwhile") from None
        except BaseException:
            future.cancel()
            raise

    def _submit(self, work: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """In one with looking whether there is a loop: what comes to a loop before it stops also ends."""
        try:
            self._refuse_inside()
            with self._lock:
                if self._loop is None:
                    raise RuntimeError("not connected: use `with TzafonWrightClient(...)`, or connect()")
                return asyncio.run_coroutine_threadsafe(work, self._loop)
        except BaseException:
            work.close()
            raise

    def _refuse_inside(self) -> None:
        if threading.current_thread() is self._thread:
            raise RuntimeError("not possible in a progress callback: nothing else goes on until it returns")

    def _start(self) -> None:
        if self._thread:
            self._thread.join()  # the last connection may still be closing
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_live, args=(self._loop, self._client), name="tzafonwright", daemon=True)
        self._thread.start()

    def _stop(self) -> None:
        with self._lock:
            loop, self._loop, thread = self._loop, None, self._thread
            if loop:
                loop.call_soon_threadsafe(loop.stop)
        if thread:
            thread.join()

    def goto(
        self, url: str, *, wait_until: LoadState = "load", referer: str | None = None, timeout: float | None = None
    ) -> Page:
        """Go to a URL."""
        return self._run(self._client.goto(url, wait_until=wait_until, referer=referer, timeout=timeout))

    def back(self, *, wait_until: LoadState = "load", timeout: float | None = None) -> Page:
        """One page back in the tab's history; it fails when there is none."""
        return self._run(self._client.back(wait_until=wait_until, timeout=timeout))

    def forward(self, *, wait_until: LoadState = "load", timeout: float | None = None) -> Page:
        """One page forward in the tab's history; it fails when there is none."""
        return self._run(self._client.forward(wait_until=wait_until, timeout=timeout))

    def reload(self, *, wait_until: LoadState = "load", timeout: float | None = None) -> Page:
        """Load the page again."""
        return self._run(self._client.reload(wait_until=wait_until, timeout=timeout))

    def where(self, *, timeout: float | None = None) -> Page:
        """Where the current tab is: URL and title."""
        return self._run(self._client.where(timeout=timeout))

    def click(
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
        return self._run(
            self._client.click(target, y, button=button, count=count, modifiers=modifiers, frame=frame, timeout=timeout)
        )

    def double_click(
        self,
        target: Target | Coordinate,
        y: Coordinate | None = None,
        *,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Click twice."""
        return self._run(self._client.double_click(target, y, frame=frame, timeout=timeout))

    def hover(
        self,
        target: Target | Coordinate,
        y: Coordinate | None = None,
        *,
        modifiers: Sequence[Modifier] = (),
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Move the mouse over a target, or to a point."""
        return self._run(self._client.hover(target, y, modifiers=modifiers, frame=frame, timeout=timeout))

    def drag(
        self,
        start: Target | tuple[Coordinate, Coordinate],
        end: Target | tuple[Coordinate, Coordinate],
        *,
        steps: int = 10,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Press the mouse at the start, move it in so many steps, release it at the end; each a target or a point."""
        return self._run(self._client.drag(start, end, steps=steps, frame=frame, timeout=timeout))

    def scroll(
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
        return self._run(self._client.scroll(delta_x, delta_y, target=target, x=x, y=y, frame=frame, timeout=timeout))

    def type(
        self,
        text: str,
        *,
        target: Target | None = None,
        delay: float = 0,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Type key by key, into a target or into what has the focus; delay seconds between keys."""
        return self._run(self._client.type(text, target=target, delay=delay, frame=frame, timeout=timeout))

    def fill(self, target: Target, text: str, *, frame: str | None = None, timeout: float | None = None) -> None:
        """Replace what a field holds."""
        return self._run(self._client.fill(target, text, frame=frame, timeout=timeout))

    def press(
        self, keys: str, *, target: Target | None = None, frame: str | None = None, timeout: float | None = None
    ) -> None:
        """Press a key, or a chord such as "Control+A"."""
        return self._run(self._client.press(keys, target=target, frame=frame, timeout=timeout))

    def hotkey(self, *keys: str, timeout: float | None = None) -> None:
        """Press keys together: `hotkey("Control", "Shift", "T")`."""
        return self._run(self._client.hotkey(*keys, timeout=timeout))

    def select(
        self, target: Target, *values: str, frame: str | None = None, timeout: float | None = None
    ) -> tuple[str, ...]:
        """Choose these values, or labels, of a list; what is chosen then."""
        return self._run(self._client.select(target, *values, frame=frame, timeout=timeout))

    def check(self, target: Target, *, frame: str | None = None, timeout: float | None = None) -> None:
        """Check a box or a radio button, if it is not."""
        return self._run(self._client.check(target, frame=frame, timeout=timeout))

    def uncheck(self, target: Target, *, frame: str | None = None, timeout: float | None = None) -> None:
        """Uncheck a box, if it is checked."""
        return self._run(self._client.uncheck(target, frame=frame, timeout=timeout))

    def upload(
        self,
        target: Target,
        *files: str | Path | tuple[str, bytes],
        frame: str | None = None,
        progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> None:
        """Give files to a file field: paths of this machine, or names with bytes."""
        return self._run(self._client.upload(target, *files, frame=frame, progress=progress, timeout=timeout))

    def download(
        self,
        target: Target | None = None,
        *,
        url: str | None = None,
        frame: str | None = None,
        progress: OnProgress | None = None,
        timeout: float | None = None,
    ) -> Download:
        """Fetch a file by clicking on a target, or from a URL; its bytes are in `data`."""
        return self._run(self._client.download(target, url=url, frame=frame, progress=progress, timeout=timeout))

    def screenshot(
        self,
        *,
        target: Target | None = None,
        full_page: bool = False,
        format: ImageFormat = "png",
        quality: int | None = None,
        frame: str | None = None,
        timeout: float | None = None,
    ) -> bytes:
        """A picture of the viewport, of the whole page, or of a target."""
        return self._run(
            self._client.screenshot(
                target=target, full_page=full_page, format=format, quality=quality, frame=frame, timeout=timeout
            )
        )

    def pdf(
        self,
        *,
        format: str = "A4",
        landscape: bool = False,
        background: bool = True,
        scale: float = 1,
        timeout: float | None = None,
    ) -> bytes:
        """The page as it would be printed."""
        return self._run(
            self._client.pdf(format=format, landscape=landscape, background=background, scale=scale, timeout=timeout)
        )

    def set_viewport(self, width: int, height: int, *, timeout: float | None = None) -> None:
        """The size of the page's visible part."""
        return self._run(self._client.set_viewport(width, height, timeout=timeout))

    def wait_for(
        self, target: Target, *, state: ElementState = "visible", frame: str | None = None, timeout: float | None = None
    ) -> None:
        """Until the target is visible, hidden, attached or detached."""
        return self._run(self._client.wait_for(target, state=state, frame=frame, timeout=timeout))

    def wait_for_url(self, url: str, *, timeout: float | None = None) -> Page:
        """Until the tab is at a URL, or at one of a pattern with * and **."""
        return self._run(self._client.wait_for_url(url, timeout=timeout))

    def wait_for_load(
        self, state: Literal["load", "domcontentloaded", "networkidle"] = "load", *, timeout: float | None = None
    ) -> None:
        """Until the page has loaded so far."""
        return self._run(self._client.wait_for_load(state, timeout=timeout))

    def wait_for_function(self, expression: str, argument: Any = None, *, timeout: float | None = None) -> Any:
        """Until the JavaScript expression or function gives something true; what it gave."""
        return self._run(self._client.wait_for_function(expression, argument, timeout=timeout))

    def evaluate(
        self, expression: str, argument: Any = None, *, frame: str | None = None, timeout: float | None = None
    ) -> Any:
        """What a JavaScript expression, or a function of one argument, gives; promises are awaited."""
        return self._run(self._client.evaluate(expression, argument, frame=frame, timeout=timeout))

    def content(self, *, timeout: float | None = None) -> str:
        """The page's HTML as it is now."""
        return self._run(self._client.content(timeout=timeout))

    def text(self, target: Target = "body", *, frame: str | None = None, timeout: float | None = None) -> str:
        """The text that a target shows."""
        return self._run(self._client.text(target, frame=frame, timeout=timeout))

    def snapshot(self, target: Target = "body", *, timeout: float | None = None) -> Snapshot:
        """The accessibility tree as an outline with references: `click("ref=e12")`."""
        return self._run(self._client.snapshot(target, timeout=timeout))

    def cookies(self, *urls: str, timeout: float | None = None) -> list[dict[str, Any]]:
        """All cookies, or those that would be sent to these URLs."""
        return self._run(self._client.cookies(*urls, timeout=timeout))

    def set_cookies(self, *cookies: Mapping[str, Any], timeout: float | None = None) -> None:
        """Add cookies: name, value, and url or domain with path."""
        return self._run(self._client.set_cookies(*cookies, timeout=timeout))

    def clear_cookies(self, *, timeout: float | None = None) -> None:
        """Remove all cookies."""
        return self._run(self._client.clear_cookies(timeout=timeout))

    def storage_state(self, *, timeout: float | None = None) -> dict[str, Any]:
        """Cookies and local storage, to be given to another session."""
        return self._run(self._client.storage_state(timeout=timeout))

    def set_storage_state(self, state: Mapping[str, Any] | str | Path, *, timeout: float | None = None) -> None:
        """Take over cookies and local storage, from `storage_state` or from a file of it."""
        return self._run(self._client.set_storage_state(state, timeout=timeout))

    def set_headers(self, headers: Mapping[str, str], *, timeout: float | None = None) -> None:
        """Send these with every request from now on."""
        return self._run(self._client.set_headers(headers, timeout=timeout))

    def set_user_agent(self, user_agent: str, *, timeout: float | None = None) -> None:
        """Call the browser so from now on."""
        return self._run(self._client.set_user_agent(user_agent, timeout=timeout))

    def set_geolocation(
        self, latitude: float, longitude: float, *, accuracy: float = 0, timeout: float | None = None
    ) -> None:
        """Be there; pages may ask once "geolocation" is granted."""
        return self._run(self._client.set_geolocation(latitude, longitude, accuracy=accuracy, timeout=timeout))

    def grant_permissions(self, *permissions: str, origin: str | None = None, timeout: float | None = None) -> None:
        """Grant exactly these from now on, such as "geolocation" or "clipboard-read"."""
        return self._run(self._client.grant_permissions(*permissions, origin=origin, timeout=timeout))

    def answer_dialogs(self, *, accept: bool, text: str = "", timeout: float | None = None) -> None:
        """How dialogs are answered from now on; until then they are dismissed."""
        return self._run(self._client.answer_dialogs(accept=accept, text=text, timeout=timeout))

    def dialogs(self, *, timeout: float | None = None) -> list[Dialog]:
        """The dialogs that came up since this was last asked."""
        return self._run(self._client.dialogs(timeout=timeout))

    def tabs(self, *, timeout: float | None = None) -> list[Tab]:
        """All tabs, also those that pages opened."""
        return self._run(self._client.tabs(timeout=timeout))

    def open_tab(self, url: str | None = None, *, timeout: float | None = None) -> Tab:
        """Open a tab, which is then the current one."""
        return self._run(self._client.open_tab(url, timeout=timeout))

    def switch_tab(self, tab: Tab | str, *, timeout: float | None = None) -> Tab:
        """Make a tab the current one: what follows is done in it."""
        return self._run(self._client.switch_tab(tab, timeout=timeout))

    def close_tab(self, tab: Tab | str | None = None, *, timeout: float | None = None) -> None:
        """Close a tab, or the current one."""
        return self._run(self._client.close_tab(tab, timeout=timeout))

    def frames(self, *, timeout: float | None = None) -> list[Frame]:
        """The frames of the current tab."""
        return self._run(self._client.frames(timeout=timeout))

    def switch_context(self, context: Literal["browser", "desktop"], *, timeout: float | None = None) -> None:
        """Do what follows in the browser, or on the desktop around it."""
        return self._run(self._client.switch_context(context, timeout=timeout))


def _live(loop: asyncio.AbstractEventLoop, connected: client.TzafonWrightClient) -> None:
    loop.run_forever()
    try:
        loop.run_until_complete(_end(connected))
    finally:
        loop.close()


async def _end(connected: client.TzafonWrightClient) -> None:
    """Everything that other threads wait for ends, most of it with the connection."""
    await connected.close()
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        _, left = await asyncio.wait(others, timeout=_GRACE)
        for task in left:
            task.cancel()
        await asyncio.wait(others)
    await connected.close()  # what came up meanwhile


async def _next(events: Any) -> Happening | None:
    try:
        happening: Happening = await anext(events)
    except StopAsyncIteration:
        return None
    return happening
