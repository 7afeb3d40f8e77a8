"""What a check finds."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How bad it is; skipped: the check could not run."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: what was found, and unless it is ok how to mend it."""

    level: Level
    found: str
    mend: str = ""

    def shown(self) -> dict[str, str]:
        """For programs."""
        return {"level": str(self.level), "found": self.found, "mend": self.mend}


def ok(found: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, found)


def warn(found: str, mend: str) -> Finding:
    """It works, but not for long or not well."""
    return Finding(Level.WARN, found, mend)


def fail(found: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(Level.FAIL, found, mend)


def skipped(found: str, mend: str = "") -> Finding:
    """It could not be checked; found says why."""
    return Finding(Level.SKIPPED, found, mend)
