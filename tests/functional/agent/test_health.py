"""The probe, against servers that behave as browsers do and as they should not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from waypoint_agent.health import Answer, probe
from waypoint_core.errors import UnitError

URL = "ws://127.0.0.1:1/devtools/browser/x"
BODY = f'{{"Browser": "Chrome/1", "webSocketDebuggerUrl": "{URL}"}}'.encode()


def response(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status.encode(), len(body), body)


@asynccontextmanager
async def browser(says: bytes, hangs_up: bool = False) -> AsyncIterator[int]:
    """A server on the port that it yields."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says)
        if not hangs_up:
            await reader.read()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    "says",
    [response(BODY), b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)],
)
async def test_a_browser_says_what_it_is(says: bytes) -> None:
    async with browser(says) as port:
        assert await probe(port, 20) == Answer(URL, "Chrome/1")


@pytest.mark.parametrize(
    "says",
    [
        b"",
        b"\xff" * 100,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        response(BODY, "500 Oops"),
        response(b"[]"),
        response(b'{"Browser": 7, "webSocketDebuggerUrl": ""}'),
        response(b"x" * 100_000),
        response(b'{"Browser": "\xff", "webSocketDebuggerUrl": ""}'),
        response(b'{"more": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    ],
)
async def test_whatever_else_answers_is_no_healthy_browser(says: bytes) -> None:
    async with browser(says, hangs_up=True) as port:
        with pytest.raises(UnitError, match=f"cannot probe port {port}"):
            await probe(port, 20)


async def test_a_hung_browser() -> None:
    async with browser(b"") as port:
        with pytest.raises(UnitError, match=r"no answer within 0\.05 s"):
            await probe(port, 0.05)


async def test_nobody_there() -> None:
    async with browser(b"") as port:
        pass
    with pytest.raises(UnitError, match="cannot probe"):
        await probe(port, 20)


async def test_a_port_that_cannot_be() -> None:
    with pytest.raises(UnitError, match="cannot probe port 65536: ports end at 65535"):
        await probe(65536, 5)


async def test_one_that_accepts_nobody() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)), pytest.raises(UnitError, match=r"no answer within 0\.05 s"):
            await probe(port, 0.05)
