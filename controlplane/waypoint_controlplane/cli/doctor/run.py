"""Programs that checks run, bounded in time."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import Any

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, and the last of what it said."""

    code: int
    said: str

    @property
    def complaint(self) -> str:
        """Its last line."""
        return (self.said.strip().splitlines() or [f"exit code {self.code}"])[-1]


def run(*command: str, **options: Any) -> Ran | None:
    """None: there is no such program. One that does not end in time is killed, and has failed."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            **options,
        )
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        return Ran(-1, f"it did not end within {_PATIENCE:g} s")
    return Ran(ended.returncode, ended.stdout)
