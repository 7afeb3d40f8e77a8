"""The WebSocket frames that are ours.

Source: RFC 6455 sections 5.2 and 5.5.
"""

from __future__ import annotations

import struct

PING = b"\x89\x00"
_TEXT = 0x1
_CLOSE = 0x8
_MAX_REASON = 123
_LONG = 126
_NOBODY = b'{"id":2147483647,"error":{"code":-32001,"message":"WayPoint asks whether you read"}}'


def pings(size: int) -> bytes:
    """As many empty pings as make that many bytes, an even number."""
    return PING * (size // len(PING))


def answer_to_nobody(size: int) -> bytes:
    """A CDP message of that many bytes, at least 130 and less than 64 KiB: a session is gone that nobody asked for.

    It cannot stand between the parts of a message; Chromium sends each in one.
    """
    head = struct.pack("!BBH", 0x80 | _TEXT, _LONG, size - 4)
    return head + _NOBODY.ljust(size - len(head))


def close(code: int, reason: str) -> bytes:
    """A server's close frame; a reason over 123 bytes is cut between characters."""
    text = reason.encode()[:_MAX_REASON].decode(errors="ignore").encode()
    payload = struct.pack("!H", code) + text
    return bytes((0x80 | _CLOSE, len(payload))) + payload
