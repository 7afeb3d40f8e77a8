"""What commands print: tables for people, JSON and YAML for programs.

JSON and YAML are the message's JSON form with the field names of the interface, nothing left out; lists stand under
`items`, and a stream is one object a line or one document after another.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from waypoint_controlplane.cli.verb import Invocation

_GAP = "   "
_COLOURS = {
    "ready": "green",
    "claimed": "cyan",
    "starting": "yellow",
    "recycling": "yellow",
    "cordoned": "yellow",
    "draining": "yellow",
    "stale": "yellow",
    "suspect": "yellow",
    "failed": "red",
    "gone": "red",
    "ok": "green",
    "warn": "yellow",
    "fail": "red",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and its cell of a row; wide: only shown with -o wide."""

    heading: str
    cell: Callable[[Any], str]
    wide: bool = False


def items(invocation: Invocation, rows: Sequence[Any], columns: Sequence[Column], **beside: Any) -> None:
    """Print a list of messages; beside: what stands beside `items` for programs."""
    if not invocation.plain:
        document(invocation, {"items": [plain(row) for row in rows], **beside})
    elif rows:
        click.echo(table(rows, columns, wide=invocation.output == "wide"))
    else:
        click.echo("none", err=True)


def one(invocation: Invocation, message: Message, text: str) -> None:
    """Print a message: the text for people, the message itself for programs."""
    if invocation.plain:
        click.echo(text)
    else:
        document(invocation, plain(message))


def document(invocation: Invocation, shown: Mapping[str, Any], *, stream: bool = False) -> None:
    """Print an object as JSON or YAML; stream: one of many."""
    if invocation.output == "yaml":
        import yaml  # noqa: PLC0415 - only who asks for YAML waits for it

        click.echo(("---\n" if stream else "") + yaml.safe_dump(shown, sort_keys=False, allow_unicode=True), nl=False)
    else:
        click.echo(json.dumps(shown, indent=None if stream else 2, ensure_ascii=False))


def plain(message: Message) -> dict[str, Any]:
    """A message's JSON form."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def table(rows: Iterable[Any], columns: Sequence[Column], *, wide: bool = False) -> str:
    """Aligned columns under upper-case headings; nothing is cut off."""
    shown = [column for column in columns if wide or not column.wide]
    cells = [[column.heading for column in shown], *([column.cell(row) or "-" for column in shown] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(shown))]
    return "\n".join(_line(line, widths) for line in cells)


class Rolling:
    """A table whose rows come one by one: columns widen as they must."""

    def __init__(self, columns: Sequence[Column], widths: Sequence[int]) -> None:
        self._columns = columns
        self._widths = [max(width, len(column.heading)) for column, width in zip(columns, widths, strict=True)]

    def heading(self) -> str:
        """The first line."""
        return _line([column.heading for column in self._columns], self._widths)

    def line(self, row: Any) -> str:
        """The next line."""
        cells = [column.cell(row) or "-" for column in self._columns]
        self._widths = [max(width, len(cell)) for width, cell in zip(self._widths, cells, strict=True)]
        return _line(cells, self._widths)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = padded[-1].rstrip()
    return _GAP.join(coloured(cell) for cell in padded).rstrip()


def coloured(text: str) -> str:
    """A word that tells a state in its colour, on a terminal whose user wants colours."""
    colour = _COLOURS.get(text.strip())
    return click.style(text, fg=colour) if colour and colourful() else text


def colourful() -> bool:
    """Whether standard output takes colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def pairs(fields: Mapping[str, str]) -> str:
    """Labelled lines, aligned; those without a value are left out."""
    shown = {label: value for label, value in fields.items() if value}
    width = max(map(len, shown), default=0) + 1
    return "\n".join(f"{label + ':':<{width}}  {coloured(value)}" for label, value in shown.items())
