"""One request to a browser: an upgrade to a WebSocket, or a JSON answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from waypoint_core.errors import SessionError
from waypoint_proxy.rewrite import request_head

_CHUNK = 65536
_MAX_HEAD = 16 * 1024
_MAX_BODY = 16 * 1024 * 1024
_UPGRADED = b"HTTP/1.1 101 "


@dataclass(frozen=True, slots=True)
class Link:
    """An upgraded connection: the browser's response head, and what it sent after it already."""

    socket: socket.socket
    head: bytes
    early: bytes


class UpgradeRefused(SessionError):
    """The browser answers, but not with an upgrade."""


async def upgrade(
    endpoint: str, path: str, headers: Mapping[str, str], timeout: float, spare: socket.socket | None = None
) -> Link:
    """A WebSocket to a path of the browser at endpoint (any of its URLs), over a spare connection if there is one.

    UpgradeRefused, or SessionError.
    """
    browser = spare or await connect(endpoint, timeout)
    try:
        async with _answering(endpoint, timeout):
            await _send(browser, request_head(path, _address(endpoint), headers))
            head, early = await _read_head(browser)
        if not head.startswith(_UPGRADED):
            said = (head.splitlines()[0] + b": " + early[:200]).decode("utf-8", "replace")
            raise UpgradeRefused(f"cannot open {path} of the browser at {_address(endpoint)}: {said}")
    except BaseException:
        browser.close()
        raise
    return Link(browser, head, early)


async def fetch(endpoint: str, path: str, timeout: float) -> bytes:
    """The body of the browser's answer to GET path. SessionError when there is none, or not a 200."""
    browser = await connect(endpoint, timeout)
    with contextlib.closing(browser):
        async with _answering(endpoint, timeout):
            await _send(browser, request_head(path, _address(endpoint)))
            status, body = await _read_answer(browser)
    if status != 200:
        raise SessionError(f"cannot read {path} of the browser at {_address(endpoint)}: status {status}")
    return body


def path_of(endpoint: str) -> str:
    """The path part of a browser's WebSocket URL."""
    return urlsplit(endpoint).path


def _address(endpoint: str) -> str:
    return urlsplit(endpoint).netloc


async def connect(endpoint: str, timeout: float) -> socket.socket:
    """A connection to the browser at endpoint. SessionError when it does not accept."""
    url = urlsplit(endpoint)
    browser = socket.socket(socket.AF_INET6 if ":" in (url.hostname or "") else socket.AF_INET)
    try:
        browser.setblocking(False)
        browser.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with _answering(endpoint, timeout):
            try:
                # On one host this connects at once, which spares the loop a turn or two.
                browser.connect((url.hostname, url.port))
            except BlockingIOError:
                await asyncio.get_running_loop().sock_connect(browser, (url.hostname, url.port))
    except BaseException:
        browser.close()
        raise
    return browser


@contextlib.asynccontextmanager
async def _answering(endpoint: str, timeout: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout):
            yield
    except TimeoutError:
        raise SessionError(f"cannot use the browser at {_address(endpoint)}: no answer within {timeout} s") from None
    except (OSError, ValueError, h11.RemoteProtocolError) as error:
        raise SessionError(f"cannot use the browser at {_address(endpoint)}: {error}") from error


async def _send(browser: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(browser, data)


async def _receive(browser: socket.socket) -> bytes:
    data = await asyncio.get_running_loop().sock_recv(browser, _CHUNK)
    if not data:
        raise ConnectionResetError("it closed the connection")
    return data


async def _read_head(browser: socket.socket) -> tuple[bytes, bytes]:
    seen = b""
    while b"\r\n\r\n" not in seen:
        if len(seen) > _MAX_HEAD:
            raise ValueError(f"its answer's head is larger than {_MAX_HEAD} bytes")
        seen += await _receive(browser)
    head, separator, early = seen.partition(b"\r\n\r\n")
    return head + separator, early


async def _read_answer(browser: socket.socket) -> tuple[int, bytes]:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "browser")]))
    parser.send(h11.EndOfMessage())
    status, body = 0, bytearray()
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(await _receive(browser))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY:
                raise ValueError(f"its answer is larger than {_MAX_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
