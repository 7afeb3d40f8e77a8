"""Does a browser answer on its DevTools port?"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from dataclasses import dataclass

import h11
import msgspec

from waypoint_core.codec import decode
from waypoint_core.errors import CodecError, UnitError

_MAX_ANSWER = 64 * 1024
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser says of itself: its WebSocket URL, which names this very life, and its version."""

    endpoint: str
    browser: str


class _Version(msgspec.Struct, rename={"browser": "Browser", "endpoint": "webSocketDebuggerUrl"}):
    browser: str
    endpoint: str


async def probe(port: int, timeout: float) -> Answer:
    """Ask the browser on this loopback port for its version; UnitError when it does not answer properly in time."""
    try:
        with _connected(port) as browser:
            async with asyncio.timeout(timeout):
                return await _ask(browser, port)
    except TimeoutError:
        raise UnitError(f"cannot probe port {port}: no answer within {timeout:g} s") from None
    except (OSError, h11.ProtocolError, CodecError) as error:
        raise UnitError(f"cannot probe port {port}: {error}") from error


async def _ask(browser: socket.socket, port: int) -> Answer:
    http = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target="/json/version", headers=[("Host", f"127.0.0.1:{port}")])
    question = (http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b"")
    await asyncio.get_running_loop().sock_sendall(browser, question)
    version = decode(_Version, await _body(http, browser), "/json/version")
    return Answer(version.endpoint, version.browser)


def _connected(port: int) -> socket.socket:
    """A connection that is there or about to be. OSError: refused. UnitError: there is no such port.

    That is known at once on loopback, and has to be cheap: a browser that starts refuses a dozen times.
    """
    if port > _LAST_PORT:
        raise UnitError(f"cannot probe port {port}: ports end at {_LAST_PORT}")
    connection = socket.socket()
    connection.setblocking(False)
    error = connection.connect_ex(("127.0.0.1", port))
    if error == errno.EINPROGRESS:
        error = connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if error:
        connection.close()
        raise OSError(error, os.strerror(error))
    return connection


async def _body(http: h11.Connection, browser: socket.socket) -> bytes:
    body = b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            http.receive_data(await asyncio.get_running_loop().sock_recv(browser, _MAX_ANSWER))
        elif isinstance(event, h11.Response) and event.status_code != 200:
            raise h11.RemoteProtocolError(f"status {event.status_code}")
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_ANSWER:
                raise h11.RemoteProtocolError(f"answer longer than {_MAX_ANSWER} bytes")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return body
