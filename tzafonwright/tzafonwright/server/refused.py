"""Why an action was not done, as the client is told: a code of the closed set, one line of words, what to do."""

from __future__ import annotations

from tzafonwright.errors import Code


class Refused(Exception):
    """Raised by whoever knows the reason; becomes the answer."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


class SessionOver(Exception):
    """The session ends, so that nobody waits for this answer any more. reason is for the close frame."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
