"""The one exception tree.

TzafonWrightError
├── InvalidAction        an argument is wrong; nothing was sent
├── Unsupported          the server speaks an older protocol that has no such action
├── ProtocolError        a message is not what the protocol says
├── ActionFailed         the browser could not do it; the session goes on
│   └── ActionTimeout        not within the action's timeout
└── SessionLost          the session is over, and nothing can be done in it any more
    ├── ConnectionLost       the connection broke; whether the last action took effect is unknown
    ├── ServerLost           the server on the browser's host ended
    ├── BrowserLost          the browser crashed or was killed
    └── BrowserOutOfMemory   the browser outgrew its memory

Messages start with "cannot ACTION" and carry the cause.
"""

from __future__ import annotations

import enum


class Code(str, enum.Enum):
    """Why an action failed; the closed set of what `ActionFailed.code` can be."""

    TIMEOUT = "timeout"  # not within the action's timeout
    NOT_FOUND = "not_found"  # no such element, frame, tab or option
    AMBIGUOUS = "ambiguous"  # the target is more than one element
    NOT_ACTIONABLE = "not_actionable"  # the element is there, but hidden, covered, disabled or of the wrong kind
    NAVIGATION = "navigation"  # the page could not be reached, or went away in the middle
    SCRIPT = "script"  # JavaScript threw, or gave what is no JSON
    INVALID = "invalid"  # an argument makes no sense in this browser
    UNSUPPORTED = "unsupported"  # this host or browser has no such thing
    CANCELLED = "cancelled"  # the client asked for it
    CLOSED = "closed"  # the tab closed or crashed
    FAILED = "failed"  # anything else


class TzafonWrightError(Exception):
    """Base of everything that tzafonwright raises on purpose."""


class InvalidAction(TzafonWrightError, ValueError):
    """An argument of an action is wrong; the message names it."""


class Unsupported(TzafonWrightError):
    """The server speaks the first version of the protocol, which has no such action."""


class ProtocolError(TzafonWrightError):
    """A message of the other side is not what the protocol says."""


class ActionFailed(TzafonWrightError):
    """The browser could not do it. code is one of `Code`; hint says what to do, if that is known."""

    def __init__(self, message: str, code: str = "failed", hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
        self.code = code
        self.hint = hint


class ActionTimeout(ActionFailed):
    """It was not done within the action's timeout."""


class SessionLost(TzafonWrightError):
    """The session is over. close_code and reason are the WebSocket's; without a close frame 1006, and what is known."""

    def __init__(self, message: str, close_code: int = 1006, reason: str = "") -> None:
        super().__init__(message)
        self.close_code = close_code
        self.reason = reason


class ConnectionLost(SessionLost):
    """The connection broke without a word."""


class ServerLost(SessionLost):
    """The server on the browser's host ended."""


class BrowserLost(SessionLost):
    """The browser crashed, hung, or was killed."""


class BrowserOutOfMemory(BrowserLost):
    """The browser outgrew its memory."""


_BY_REASON = (
    ("browser out of memory", BrowserOutOfMemory),
    ("browser", BrowserLost),
    ("server", ServerLost),
    ("proxy", ConnectionLost),
)
"""Reasons begin with who ended."""


def session_lost(doing: str, close_code: int, reason: str) -> SessionLost:
    """What the end of the connection means for an action that was under way; "" for none."""
    kind = next((kind for words, kind in _BY_REASON if reason.startswith(words)), ConnectionLost)
    what = reason or "the connection broke"
    return kind(f"cannot {doing or 'go on'}: {what} (close code {close_code})", close_code, reason)
