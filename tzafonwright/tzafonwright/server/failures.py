"""Playwright's errors as refusals: pure, by the words of its messages, since it has no codes of its own."""

from __future__ import annotations

import re

from playwright.async_api import Error, TimeoutError  # noqa: A004 - Playwright's own

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.refused import Refused

_LIMIT = 300
_PREFIX = re.compile(r"^(?:[A-Za-z]+\.[a-z_]+: )?(?:Error: )?(?:Protocol error \([\w.]+\): )?")
_STRICT = re.compile(r"strict mode violation: (.*) resolved to (\d+) elements")
_NET = re.compile(r"net::(ERR_\w+)(?: at (\S+))?")
_AGAIN = (
    "Execution context was destroyed",
    "Cannot find context with specified id",
    "uniqueContextId not found",
    "Inspected target navigated or closed",
    "not attached to the DOM",
    "was detached",
    "Frame was detached",
    "frame got detached",
    "Not attached to an active page",
    "Unable to adopt element handle",
)
_CRASHED = ("Target crashed", "Page crashed")
_BY_WORDS = (
    (Code.CLOSED, "the tab crashed", _CRASHED, "a new tab takes its place: go on with goto"),
    (Code.CLOSED, "the tab closed", ("Target page, context or browser has been closed", "Target closed"), ""),
    (Code.NAVIGATION, "it is a download, not a page", ("Download is starting",), "use download"),
    (Code.NAVIGATION, "the URL is invalid", ("Cannot navigate to invalid URL",), "URLs start with http:// or the like"),
    (Code.NAVIGATION, "the page went away meanwhile", _AGAIN, "wait for the navigation, then repeat the action"),
)
_INVALID = (
    "is not a valid selector",
    "while parsing",
    "Unknown engine",
    "Unexpected token",
    "Unknown key",
    "Unknown permission",
    "Unknown paper format",
    "Cookie should have",
    "Invalid cookie fields",
    "Invalid parameters",
    "Malformed",
    "cannot be converted",
)
_OF_THE_ELEMENT = (
    "Element is not a",
    "Node is not a",
    "not an HTMLInputElement",
    "Input of type",
    "Clicking the checkbox did not change its state",
    "Cannot type text into",
    "Element is outside of the viewport",
    "Non-multiple file input",
)
_OBSTACLES = (
    (
        "intercepts pointer events",
        "another element covers it: {line}",
        "close what covers it, or wait until it is gone",
    ),
    ("element is not visible", "the element is hidden", "wait until it shows, or use another element"),
    ("element is not stable", "the element does not stop moving", ""),
    ("element is not enabled", "the element is disabled", "wait until it is enabled"),
    ("element is not editable", "the element cannot be edited", ""),
    ("element is outside of the viewport", "the element is outside of the viewport and cannot be scrolled there", ""),
    ("did not find some options", "the list has no such option", "read its options with snapshot"),
)
_WAITS = (actions.WaitFor, actions.WaitForUrl, actions.WaitForLoad, actions.WaitForFunction)


def repeatable(error: Error) -> bool:
    """Whether the page changed under the action, so that it may succeed if it is done again."""
    return any(words in error.message for words in _AGAIN)


def is_closed(error: Error) -> bool:
    """Whether it says that the tab, or all of the browser, is gone."""
    return "has been closed" in error.message or "Target closed" in error.message


def is_crash(error: Error) -> bool:
    """Whether it says that the page crashed, or had."""
    return any(words in error.message for words in _CRASHED)


def refusal(error: Error, action: actions.Action, seconds: float) -> Refused:
    """What the client is told of an error that came up after so many seconds."""
    message = error.message
    if found := _STRICT.search(message):
        return _ambiguous(found[1], int(found[2]))
    if isinstance(error, TimeoutError):
        return _late(message, action, seconds)
    if found := _NET.search(message):
        return Refused(Code.NAVIGATION, f"{found[1]} at {found[2] or 'the page'}", _net_hint(found[1]))
    for code, said, words, hint in _BY_WORDS:
        if any(word in message for word in words):
            return Refused(code, said, hint)
    return _by_kind(message, action)


def one_line(message: str) -> str:
    """The first line, without the name of Playwright's method."""
    line = _PREFIX.sub("", message.split("\n", 1)[0]).strip()
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1] + "…"


def _by_kind(message: str, action: actions.Action) -> Refused:
    line = one_line(message)
    if any(words in message for words in _INVALID):
        return Refused(Code.INVALID, line)
    if any(words in message for words in _OF_THE_ELEMENT):
        return Refused(Code.NOT_ACTIONABLE, line)
    if isinstance(action, actions.Evaluate | actions.WaitForFunction):
        return Refused(Code.SCRIPT, line)
    return Refused(Code.FAILED, line or "the browser gave no reason")


def _ambiguous(locator: str, count: int) -> Refused:
    hint = "make the selector unique, or add >> nth=0 for the first"
    return Refused(Code.AMBIGUOUS, f"{count} elements match {locator}", hint)


def _late(message: str, action: actions.Action, seconds: float) -> Refused:
    """What kept it: the call log says what was tried last."""
    for line in reversed(message.splitlines()):
        for words, said, hint in _OBSTACLES:
            if words in line:
                code = Code.NOT_FOUND if "option" in words else Code.NOT_ACTIONABLE
                return Refused(code, f"{said.format(line=_shortened(line))}, for {seconds:.3g} s", hint)
    target = getattr(action, "target", None)
    if target and "waiting for" in message and "resolved to" not in message and not isinstance(action, _WAITS):
        hint = "see what is there with snapshot, or name its frame"
        return Refused(Code.NOT_FOUND, f"no element matches {target!r} within {seconds:.3g} s", hint)
    return Refused(Code.TIMEOUT, f"not done within {seconds:.3g} s", _late_hint(action))


def _late_hint(action: actions.Action) -> str:
    if isinstance(action, actions.Goto | actions.Back | actions.Forward | actions.Reload):
        return "give a longer timeout, or wait_until='domcontentloaded'"
    return ""


def _net_hint(name: str) -> str:
    return {
        "ERR_NAME_NOT_RESOLVED": "the name of the host is unknown to the browser",
        "ERR_CONNECTION_REFUSED": "nothing listens there",
        "ERR_ABORTED": "the page stopped the navigation, or there is nothing to show",
    }.get(name, "")


def _shortened(line: str) -> str:
    what = line.strip().removeprefix("- ").partition(" intercepts")[0]
    return what if len(what) <= 120 else what[:119] + "…"
