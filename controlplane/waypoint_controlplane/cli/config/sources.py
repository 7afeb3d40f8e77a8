"""Where each setting comes from, in the order of precedence of `waypoint_core.config`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waypoint_core.config import DEFAULT_FILE, table
from waypoint_core.settings import Settings


@dataclass(frozen=True, slots=True)
class Effective:
    """One setting: section.name, its value, and the flag, variable or file that gave it, or `default`."""

    path: str
    value: Any
    source: str


def effective(
    settings: Settings, file: Path | None, flags: Mapping[str, str], environment: Mapping[str, str]
) -> Iterator[Effective]:
    """Every setting, in the order of the file. settings: as `load` made them from the same three."""
    path = file or DEFAULT_FILE
    sections: dict[str, Any] = {}
    with suppress(OSError):
        sections = tomllib.loads(path.read_text())
    for row in table():
        value = getattr(getattr(settings, row.section), row.name)
        if row.path in flags:
            source = "--server" if row.path == "ctl.servers" else row.flag
        elif row.variable in environment:
            source = row.variable
        else:
            source = str(path) if row.name in sections.get(row.section, {}) else "default"
        yield Effective(row.path, value, source)
