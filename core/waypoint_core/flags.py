"""Which Chromium flags may be set for browsers, by settings or for one host."""

from __future__ import annotations

from collections.abc import Sequence

from waypoint_core.errors import ConfigError


def check_flags(flags: Sequence[str]) -> Sequence[str]:
    """The flags themselves. ConfigError for one that is not a flag or could not be told to a unit."""
    for flag in flags:
        if not flag.startswith("--") or not flag.isprintable():
            raise ConfigError(f"cannot start browsers with {flag!r}: not a flag in printable characters")
    return flags
