"""Every action of the second version: its arguments with their bounds, and what it gives back.

Client and server share these: the client builds one, which checks it; the server reads it back. Durations are
seconds, coordinates CSS pixels of the viewport (of the screen on the desktop). `target` is a selector as Playwright
has them ("css=…", "text=…", "role=button[name=Save]"), or a reference of a snapshot ("ref=e12"); `frame` says in which
frame to look for it, by name, URL or the frame's own selector.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from tzafonwright.errors import InvalidAction

Coordinate = Annotated[float, Meta(ge=-100_000, le=100_000)]
Size = Annotated[int, Meta(ge=1, le=10_000)]
Count = Annotated[int, Meta(ge=1, le=10)]
Text = Annotated[str, Meta(min_length=1)]
Quality = Annotated[int, Meta(ge=0, le=100)]
Button = Literal["left", "right", "middle"]
Modifier = Literal["Alt", "Control", "ControlOrMeta", "Meta", "Shift"]
LoadState = Literal["load", "domcontentloaded", "networkidle", "commit"]
ElementState = Literal["visible", "hidden", "attached", "detached"]
ImageFormat = Literal["png", "jpeg", "webp"]
Topic = Literal["console", "network", "dialog", "page", "download"]


class Page(msgspec.Struct, frozen=True):
    """Where a tab is. status is the HTTP status of a navigation, None where there was no response."""

    url: str
    title: str = ""
    status: int | None = None


class Tab(msgspec.Struct, frozen=True):
    """One tab; exactly one is current."""

    id: str
    url: str
    title: str
    current: bool


class Frame(msgspec.Struct, frozen=True):
    """One frame of the current tab; parent is the URL of the frame around it, "" for the main frame."""

    name: str
    url: str
    parent: str


class Snapshot(msgspec.Struct, frozen=True):
    """What is on the page for who cannot see: an indented outline in which elements bear references, [ref=e12]."""

    text: str


class Download(msgspec.Struct, frozen=True):
    """A file that the browser fetched; the client adds its bytes."""

    name: str
    url: str
    size: int
    data: bytes = b""


class Dialog(msgspec.Struct, frozen=True):
    """A dialog that came up, and what was answered."""

    type: str
    message: str
    answer: str


class Happening(msgspec.Struct, frozen=True):
    """Something that a page did, of a topic that was asked for."""

    topic: Topic
    tab: str
    data: dict[str, Any]


class Action(msgspec.Struct, frozen=True, tag_field="do", kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of all: gives is the type of the answer; carries says that bytes go with the request."""

    gives: ClassVar[Any] = None
    carries: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """As people call it, for messages."""
        return str(self.__struct_config__.tag)


# Navigation.


class Goto(Action, tag="goto", frozen=True):
    gives = Page
    url: Text
    wait_until: LoadState = "load"
    referer: str | None = None


class Back(Action, tag="back", frozen=True):
    gives = Page
    wait_until: LoadState = "load"


class Forward(Action, tag="forward", frozen=True):
    gives = Page
    wait_until: LoadState = "load"


class Reload(Action, tag="reload", frozen=True):
    gives = Page
    wait_until: LoadState = "load"


# Mouse. Either a target or both coordinates.


class Point(Action, frozen=True):
    target: Text | None = None
    x: Coordinate | None = None
    y: Coordinate | None = None
    frame: Text | None = None

    def __post_init__(self) -> None:
        at_point = self.x is not None and self.y is not None
        if at_point == (self.target is not None) or (self.x is None) != (self.y is None):
            raise InvalidAction(f"cannot {self.name}: give either a target or both x and y")


class Click(Point, tag="click", frozen=True):
    button: Button = "left"
    count: Count = 1
    modifiers: tuple[Modifier, ...] = ()


class Hover(Point, tag="hover", frozen=True):
    modifiers: tuple[Modifier, ...] = ()


class Drag(Action, tag="drag", frozen=True):
    """From one target or point to another."""

    from_target: Text | None = None
    from_point: tuple[Coordinate, Coordinate] | None = None
    to_target: Text | None = None
    to_point: tuple[Coordinate, Coordinate] | None = None
    frame: Text | None = None
    steps: Annotated[int, Meta(ge=1, le=1000)] = 10

    def __post_init__(self) -> None:
        for end, target, point in (("from", self.from_target, self.from_point), ("to", self.to_target, self.to_point)):
            if (target is None) == (point is None):
                raise InvalidAction(f"cannot drag: give either {end}_target or {end}_point")


class Scroll(Action, tag="scroll", frozen=True):
    delta_x: Coordinate = 0
    delta_y: Coordinate = 0
    target: Text | None = None
    x: Coordinate | None = None
    y: Coordinate | None = None
    frame: Text | None = None


# Keyboard.


class Type(Action, tag="type", frozen=True):
    """Key by key, into a target or into whatever has the focus."""

    text: str
    target: Text | None = None
    delay: Annotated[float, Meta(ge=0, le=10)] = 0
    frame: Text | None = None


class Fill(Action, tag="fill", frozen=True):
    target: Text
    text: str
    frame: Text | None = None


class Press(Action, tag="press", frozen=True):
    """A key or a chord such as "Control+A"."""

    keys: Text
    target: Text | None = None
    frame: Text | None = None


# Forms and files.


class Select(Action, tag="select", frozen=True):
    gives = tuple[str, ...]
    target: Text
    values: tuple[str, ...]
    frame: Text | None = None


class Check(Action, tag="check", frozen=True):
    target: Text
    checked: bool = True
    frame: Text | None = None


class File(msgspec.Struct, frozen=True):
    """One file of an upload; its bytes stand in the payload, in order."""

    name: str
    size: Annotated[int, Meta(ge=0)]
    type: str = "application/octet-stream"


class Upload(Action, tag="upload", frozen=True):
    carries = True
    target: Text
    files: tuple[File, ...]
    frame: Text | None = None


class Fetch(Action, tag="download", frozen=True):
    """By clicking on a target, or by going to a URL."""

    gives = Download
    target: Text | None = None
    url: Text | None = None
    frame: Text | None = None

    def __post_init__(self) -> None:
        if (self.target is None) == (self.url is None):
            raise InvalidAction("cannot download: give either a target or a url")


# Pictures.


class Screenshot(Action, tag="screenshot", frozen=True):
    gives = bytes
    target: Text | None = None
    full_page: bool = False
    format: ImageFormat = "png"
    quality: Quality | None = None
    frame: Text | None = None

    def __post_init__(self) -> None:
        if self.quality is not None and self.format == "png":
            raise InvalidAction("cannot screenshot: quality is for jpeg and webp")
        if self.target is not None and self.full_page:
            raise InvalidAction("cannot screenshot: give either a target or full_page")


class Pdf(Action, tag="pdf", frozen=True):
    gives = bytes
    format: str = "A4"
    landscape: bool = False
    background: bool = True
    scale: Annotated[float, Meta(ge=0.1, le=2)] = 1


class SetViewport(Action, tag="set_viewport", frozen=True):
    width: Size
    height: Size


# Waiting.


class WaitFor(Action, tag="wait_for", frozen=True):
    target: Text
    state: ElementState = "visible"
    frame: Text | None = None


class WaitForUrl(Action, tag="wait_for_url", frozen=True):
    """A URL, or a pattern with * and **."""

    gives = Page
    url: Text


class WaitForLoad(Action, tag="wait_for_load", frozen=True):
    state: Literal["load", "domcontentloaded", "networkidle"] = "load"


class WaitForFunction(Action, tag="wait_for_function", frozen=True):
    """Until the JavaScript expression or function gives something true, which is given back."""

    gives = Any
    expression: Text
    argument: Any = None


# Reading.


class Evaluate(Action, tag="evaluate", frozen=True):
    """A JavaScript expression or function; what it gives must be JSON."""

    gives = Any
    expression: Text
    argument: Any = None
    frame: Text | None = None


class Content(Action, tag="content", frozen=True):
    gives = str


class ReadText(Action, tag="text", frozen=True):
    gives = str
    target: Text = "body"
    frame: Text | None = None


class TakeSnapshot(Action, tag="snapshot", frozen=True):
    gives = Snapshot
    target: Text = "body"


class Where(Action, tag="where", frozen=True):
    """Where the current tab is."""

    gives = Page


# What the browser carries.


class Cookies(Action, tag="cookies", frozen=True):
    gives = list[dict[str, Any]]
    urls: tuple[str, ...] = ()


class SetCookies(Action, tag="set_cookies", frozen=True):
    cookies: tuple[dict[str, Any], ...]


class ClearCookies(Action, tag="clear_cookies", frozen=True):
    pass


class StorageState(Action, tag="storage_state", frozen=True):
    """Cookies and local storage, as Playwright's storage_state has them."""

    gives = dict[str, Any]


class SetStorageState(Action, tag="set_storage_state", frozen=True):
    state: dict[str, Any]


class SetHeaders(Action, tag="set_headers", frozen=True):
    """With every request from now on."""

    headers: dict[str, str]


class SetUserAgent(Action, tag="set_user_agent", frozen=True):
    user_agent: Text


class SetGeolocation(Action, tag="set_geolocation", frozen=True):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy: Annotated[float, Meta(ge=0)] = 0


class GrantPermissions(Action, tag="grant_permissions", frozen=True):
    """Replaces what was granted before; none given: nothing is granted any more."""

    permissions: tuple[str, ...]
    origin: str | None = None


# Dialogs, tabs, frames, events, contexts.


class AnswerDialogs(Action, tag="answer_dialogs", frozen=True):
    """How dialogs are answered from now on; text is for prompts."""

    accept: bool
    text: str = ""


class Dialogs(Action, tag="dialogs", frozen=True):
    """The dialogs that came up since they were last asked for."""

    gives = list[Dialog]


class Tabs(Action, tag="tabs", frozen=True):
    gives = list[Tab]


class OpenTab(Action, tag="open_tab", frozen=True):
    gives = Tab
    url: Text | None = None


class SwitchTab(Action, tag="switch_tab", frozen=True):
    gives = Tab
    tab: Text


class CloseTab(Action, tag="close_tab", frozen=True):
    tab: Text | None = None


class Frames(Action, tag="frames", frozen=True):
    gives = list[Frame]


class Listen(Action, tag="listen", frozen=True):
    """Which topics are told of from now on; none: nothing."""

    topics: tuple[Topic, ...]


class SwitchContext(Action, tag="switch_context", frozen=True):
    """Whether actions go to the browser or to the desktop around it."""

    context: Literal["browser", "desktop"]


AnyAction = (
    Goto | Back | Forward | Reload | Click | Hover | Drag | Scroll | Type | Fill | Press | Select | Check | Upload
    | Fetch | Screenshot | Pdf | SetViewport | WaitFor | WaitForUrl | WaitForLoad | WaitForFunction | Evaluate
    | Content | ReadText | TakeSnapshot | Where | Cookies | SetCookies | ClearCookies | StorageState
    | SetStorageState | SetHeaders | SetUserAgent | SetGeolocation | GrantPermissions | AnswerDialogs | Dialogs
    | Tabs | OpenTab | SwitchTab | CloseTab | Frames | Listen | SwitchContext
)  # fmt: skip


def checked(action: Action) -> Action:
    """The action itself, if its arguments are of the right types and within bounds. InvalidAction names the one."""
    try:
        msgspec.convert(msgspec.to_builtins(action), type=type(action))
    except msgspec.ValidationError as error:
        raise InvalidAction(f"cannot {action.name}: {error}") from error
    except TypeError as error:
        raise InvalidAction(f"cannot {action.name}: an argument cannot be sent as JSON: {error}") from error
    return action
