"""The other half of a tunnel: a WebSocket opened to something of this host, over a connection that is there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

import h11

from waypoint_core.errors import SessionError

_CHUNK = 65536
_MAX_HEAD = 16 * 1024
_MAX_REASON = 200


@dataclass(frozen=True, slots=True)
class Link:
    """An upgraded connection: the far side's response head, and what it sent after it already."""

    socket: socket.socket
    head: bytes
    early: bytes


class UpgradeRefused(SessionError):
    """The far side answers, but not with an upgrade: its status, and the reason that its body gives."""

    def __init__(self, far_side: str, status: int, reason: str) -> None:
        super().__init__(f"cannot open a WebSocket to {far_side}: {status} {reason}")
        self.status = status
        self.reason = reason


async def upgrade(far: socket.socket, far_side: str, head: bytes, timeout: float) -> Link:
    """Send this request head and read the answer. UpgradeRefused, or SessionError; the connection is closed then."""
    try:
        async with answering(far_side, timeout):
            await send(far, head)
            answer, early = await _read_head(far)
            status = _status(answer)
        if status != HTTPStatus.SWITCHING_PROTOCOLS:
            raise UpgradeRefused(far_side, status, early.decode("utf-8", "replace").strip()[:_MAX_REASON])
    except BaseException:
        far.close()
        raise
    return Link(far, answer, early)


@contextlib.asynccontextmanager
async def answering(far_side: str, timeout: float) -> AsyncIterator[None]:
    """SessionError when the block fails, or takes longer than this."""
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError:
        raise SessionError(f"cannot use {far_side}: no answer within {timeout:g} s") from None
    except (OSError, ValueError, h11.RemoteProtocolError) as error:
        raise SessionError(f"cannot use {far_side}: {error}") from error


async def send(far: socket.socket, data: bytes) -> None:
    """All of it."""
    await asyncio.get_running_loop().sock_sendall(far, data)


async def receive(far: socket.socket) -> bytes:
    """At least one byte. ConnectionResetError at the end."""
    data = await asyncio.get_running_loop().sock_recv(far, _CHUNK)
    if not data:
        raise ConnectionResetError("it closed the connection")
    return data


async def _read_head(far: socket.socket) -> tuple[bytes, bytes]:
    seen = b""
    while b"\r\n\r\n" not in seen:
        if len(seen) > _MAX_HEAD:
            raise ValueError(f"its answer's head is larger than {_MAX_HEAD} bytes")
        seen += await receive(far)
    head, separator, early = seen.partition(b"\r\n\r\n")
    return head + separator, early


def _status(head: bytes) -> int:
    version, _, rest = head.partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError("its answer is not HTTP")
    return int(rest[:3])
