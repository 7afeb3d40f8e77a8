"""Why an action was not done, as the client is told: a code of the closed set, one line of words, what to do."""

from __future__ import annotations

import enum

from tzafonwright.errors import Code
from tzafonwright.server.texts import whole


class End(str, enum.Enum):
    """Why sessions end, as operators count it."""

    CLIENT_LEFT = "client_left"
    CLIENT_WRONG = "client_wrong"  # what it sent is no message of the protocol
    BROWSER_GONE = "browser_gone"
    DRIVER_ENDED = "driver_ended"
    SERVER_STOPPED = "server_stopped"
    INTERNAL_ERROR = "internal_error"


class Refused(Exception):
    """Raised by whoever knows the reason; becomes the answer."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = whole(message)
        self.hint = hint


class SessionOver(Exception):
    """The session ends, so that nobody waits for this answer any more. reason is for the close frame."""

    def __init__(self, code: int, reason: str, end: End = End.INTERNAL_ERROR) -> None:
        super().__init__(reason)
        self.end = end
        self.code = code
        self.reason = reason
