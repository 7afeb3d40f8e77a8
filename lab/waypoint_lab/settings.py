"""A host's /etc/waypoint/waypoint.toml, from dotted names."""

from __future__ import annotations

import json
from collections.abc import Mapping

Value = str | int | float | bool | list[str]


def render(settings: Mapping[str, Value]) -> str:
    """TOML; {"proxy.client_timeout": "10"} gives `client_timeout = 10` below [proxy]."""
    sections: dict[str, list[str]] = {}
    for path, value in settings.items():
        section, _, name = path.rpartition(".")
        sections.setdefault(section, []).append(f"{name} = {_value(value)}")
    return "\n".join(f"[{section}]\n" + "\n".join(lines) + "\n" for section, lines in sections.items())


def _value(value: Value) -> str:
    if isinstance(value, str) and _is_number(value):
        return value
    return json.dumps(value)


def _is_number(text: str) -> bool:
    try:
        return float(text) is not None and text.strip("0123456789.-") == ""
    except ValueError:
        return False
