"""Spans, ages and sizes as people write them. Pure."""

from __future__ import annotations

import re
from typing import Any

import click

_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|m|s|)")


def span(seconds: float) -> str:
    """Whole seconds in the two largest units: 3m12s, 2h, 4d3h. Below zero, which clocks that differ make, is 0s."""
    rest = int(seconds)
    if rest < 1:
        return "0s"
    first = next(index for index, (_, size) in enumerate(_UNITS) if rest >= size)
    parts = []
    for unit, size in _UNITS[first : first + 2]:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_span(text: str) -> float:
    """Seconds of 90, 90s, 10m, 1h30m. ValueError if it is no span."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a span of time such as 90s, 10m or 1h30m")
    if len(parts) > 1 and not all(unit for _, unit in parts):
        raise ValueError(f"{text!r} lacks a unit: d, h, m or s")
    sizes = {"": 1, **dict(_UNITS)}
    return sum(float(number) * sizes[unit] for number, unit in parts)


def size(count: float) -> str:
    """Bytes in the largest unit of 1024 that leaves at least one, with one decimal below ten."""
    power = 0
    while count >= 1024 and power < len(_SIZES) - 1:
        count /= 1024
        power += 1
    return f"{count:.1f}{_SIZES[power]}" if power and count < 10 else f"{count:.0f}{_SIZES[power]}"


class Span(click.ParamType):  # type: ignore[type-arg] # generic only in newer versions
    """An option's value that is a span; seconds."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds; a usage error if it is no span."""
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_span(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
