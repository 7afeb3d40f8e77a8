"""WebSocket frame boundaries, sans-I/O: headers are read, payloads skipped, nothing is decoded or copied.

Source: RFC 6455 section 5.2.
"""

from __future__ import annotations

import struct
from mmap import mmap

PING = b"\x89\x00"
_CLOSE, _PONG = 0x8, 0xA
_MAX_REASON = 123


class Follower:
    """Follows one direction of a WebSocket connection chunk by chunk."""

    __slots__ = ("_partial", "_skip", "closed", "pongs")

    def __init__(self) -> None:
        self._skip = 0
        self._partial = b""
        self.closed = False
        self.pongs = 0

    @property
    def at_boundary(self) -> bool:
        """Whether a frame of ours could be put in after what was followed so far."""
        return not self._skip and not self._partial

    def feed(self, data: bytes | bytearray | mmap, size: int) -> None:
        """Follow the first size bytes of data."""
        if self._partial:
            data = self._partial + data[:size]
            size = len(data)
            self._partial = b""
        at = self._skip
        while at < size:
            # Short frames, by far the most, are followed without a call.
            second = data[at + 1] if at + 1 < size else 0xFF
            if second < 126:
                end = at + 2 + second
            elif 128 <= second < 254:
                end = at + second - 122
            elif not (end := _end(data, at, size)):
                self._skip, self._partial = 0, bytes(data[at:size])
                return
            if data[at] & 0x8:
                self._control(data[at] & 0xF)
            at = end
        self._skip = at - size

    def _control(self, opcode: int) -> None:
        if opcode == _CLOSE:
            self.closed = True
        elif opcode == _PONG:
            self.pongs += 1


def _end(data: bytes | bytearray | mmap, at: int, size: int) -> int:
    """Where the frame at `at` ends, maybe past size; 0 when its header is not complete."""
    if at + 2 > size:
        return 0
    second = data[at + 1]
    length = second & 0x7F
    header = 6 if second & 0x80 else 2
    if length < 126:
        return at + header + length
    width = 2 if length == 126 else 8
    if at + 2 + width > size:
        return 0
    return at + header + width + int.from_bytes(data[at + 2 : at + 2 + width], "big")


def close(code: int, reason: str) -> bytes:
    """A server's close frame; a reason over 123 bytes is cut between characters."""
    text = reason.encode()[:_MAX_REASON].decode(errors="ignore").encode()
    payload = struct.pack("!H", code) + text
    return bytes((0x80 | _CLOSE, len(payload))) + payload
