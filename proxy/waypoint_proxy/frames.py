"""The WebSocket frames that are ours.

Source: RFC 6455 section 5.5.
"""

from __future__ import annotations

import struct

PING = b"\x89\x00"
PONG = b"\x8a\x00"
"""Unasked for it means nothing, and nobody answers it (section 5.5.3)."""
_CLOSE = 0x8
_MAX_REASON = 123


def close(code: int, reason: str) -> bytes:
    """A server's close frame; a reason over 123 bytes is cut between characters."""
    text = reason.encode()[:_MAX_REASON].decode(errors="ignore").encode()
    payload = struct.pack("!H", code) + text
    return bytes((0x80 | _CLOSE, len(payload))) + payload
