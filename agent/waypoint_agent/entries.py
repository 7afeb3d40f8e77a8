"""What `journalctl --output=json` prints, as reports; sans-I/O. Source: systemd's docs/JOURNAL_EXPORT_FORMATS.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from waypoint_core.status.reports import JournalReport

MAX_ENTRY = 512 * 1024
MAX_MESSAGE = 64 * 1024
_INFO = 6


class _Entry(msgspec.Struct):
    at: str = msgspec.field(name="__REALTIME_TIMESTAMP")
    message: Any = msgspec.field(name="MESSAGE", default="")
    priority: Any = msgspec.field(name="PRIORITY", default=None)
    about: Any = msgspec.field(name="UNIT", default=None)
    unit: Any = msgspec.field(name="_SYSTEMD_UNIT", default=None)


_DECODER = msgspec.json.Decoder(_Entry)


class Entries:
    """Bytes in, reports out: of one unit, or of all that a pattern with * matches.

    What cannot be read, or is longer than MAX_ENTRY, is left out.
    """

    def __init__(self, unit: str) -> None:
        self._unit = unit
        self._pending = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[JournalReport]:
        """The reports that these bytes complete."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MAX_ENTRY:
            self._pending, self._skipping = b"", True
        return list(self._reports(lines))

    def _reports(self, lines: list[bytes]) -> Iterator[JournalReport]:
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif report := self._report(line):
                yield report

    def _report(self, line: bytes) -> JournalReport | None:
        try:
            entry = _DECODER.decode(line)
            at, unit = int(entry.at) / 1e6, self._unit
            if "*" in unit:
                unit = _text(entry.about or entry.unit or unit)  # systemd's own lines name the unit they are about
            return JournalReport(at, unit, _priority(entry.priority), _text(entry.message))
        except (msgspec.MsgspecError, ValueError):
            return None


def _priority(value: Any) -> int:
    """As syslog(3) numbers it; what says nothing is information."""
    text = value[-1] if isinstance(value, list) and value else value
    return int(text) if isinstance(text, str) and text in set("01234567") else _INFO


def _text(value: Any) -> str:
    """A field is text, bytes that are no text as a list of numbers, null for what is too long, or a list of these."""
    if value is None:
        return "(too long to be shown)"
    if isinstance(value, list) and all(isinstance(item, int) for item in value):
        return _shown(bytes(value).decode(errors="replace"))
    if isinstance(value, list):
        return _shown("\n".join(map(_text, value)))
    return _shown(str(value))


def _shown(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]} (cut: too long)"
