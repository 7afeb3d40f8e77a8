"""JSON objects, one a line, out of a stream that delivers any pieces of them; sans-I/O."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from waypoint_core.errors import WaypointError

Message = TypeVar("Message")

MAX_LINE = 16 * 1024


class Lines(Generic[Message]):
    """Bytes in, messages out. what names a message, and error is raised, where a line is none."""

    def __init__(self, kind: Any, what: str, error: type[WaypointError]) -> None:
        self._decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(kind)
        self._what = what
        self._error = error
        self._pending = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that these bytes complete. The error when a line is too long or not a message."""
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > MAX_LINE:
            raise self._error(f"cannot read {self._what}: line longer than {MAX_LINE} bytes")
        return [self._decode(line) for line in lines if line]

    def _decode(self, line: bytes) -> Message:
        try:
            return self._decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._error(f"cannot read {self._what} {line[:80]!r}: {error}") from error
