"""How a command fails: a message that says what to do, and an exit code that scripts can tell apart."""

from __future__ import annotations

import enum
from typing import IO, Any

import click


class Exit(enum.IntEnum):
    """The exit codes; also in the help of waypointctl and in its man page."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NO_ANSWER = 4
    REFUSED = 5
    NOT_ALLOWED = 6
    DEADLINE = 7
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "the command line, or what it asks for, is wrong",
    Exit.NOT_FOUND: "there is no such host or instance",
    Exit.NO_ANSWER: "no control plane answers, or not now: trying again may help",
    Exit.REFUSED: "refused as things stand: ended already, nothing free, ...",
    Exit.NOT_ALLOWED: "not allowed: certificates are missing or wrong",
    Exit.DEADLINE: "not within the time given",
    Exit.INTERRUPTED: "interrupted before it was done",
}


class Failure(click.ClickException):
    """Ends the command with this message and exit code."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.exit_code = code  # type: ignore[misc] # click reads it from whichever has it

    def show(self, file: IO[Any] | None = None) -> None:
        """One line on standard error."""
        click.echo(f"waypointctl: {self.message}", file=file, err=file is None)
