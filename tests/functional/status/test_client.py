"""Asking an endpoint, and endpoints that do not answer as they should."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest

from functional.status.conftest import Serve
from functional.status.talk import Ticker, echo
from waypoint_core.errors import StatusError
from waypoint_core.status import client as clients
from waypoint_core.status.client import StatusClient
from waypoint_core.status.server import Request, Response

ask = StatusClient(None)


@contextlib.asynccontextmanager
async def answering(answer: bytes, *, then_close: bool = True) -> AsyncIterator[str]:
    """A server that says this to everybody."""
    hold = asyncio.Event()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if not then_close:
            await hold.wait()
        writer.close()

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        hold.set()


async def test_an_answer_comes_whole(serve: Serve) -> None:
    async def big(_: Request) -> Response:
        return Response(b"x" * 1_000_000)

    async with serve(private={"/sessions": echo, "/big": big}) as address:
        assert await ask.get(address, "/sessions?a=1", 20) == b"/sessions {'a': '1'}"
        assert await ask.get(address, "/big", 20) == b"x" * 1_000_000


async def test_lines_come_as_they_are_said_and_the_other_side_learns_of_the_end(serve: Serve) -> None:
    ticker = Ticker()
    async with asyncio.timeout(30), serve(private={"/tick": ticker.route}) as address:
        async with contextlib.aclosing(ask.lines(address, "/tick", 20)) as lines:
            ticker.lines.put_nowait(b"one\ntw")
            assert await anext(lines) == b"one"
            ticker.lines.put_nowait(b"o\n\n")
            assert [await anext(lines), await anext(lines)] == [b"two", b""]
        await ticker.closed.wait()


async def test_the_last_line_needs_no_end(serve: Serve) -> None:
    ticker = Ticker()
    for said in (b"one\n", b"two", None):
        ticker.lines.put_nowait(said)
    async with serve(private={"/tick": ticker.route}) as address:
        assert [line async for line in ask.lines(address, "/tick?follow=1", 20)] == [b"one", b"two"]


async def test_a_stream_that_breaks_off_is_an_error(serve: Serve) -> None:
    ticker = Ticker()
    ticker.lines.put_nowait(b"one\n")
    ticker.lines.put_nowait(7)  # type: ignore[arg-type]
    async with serve(private={"/tick": ticker.route}) as address:
        with pytest.raises(StatusError, match=f"^cannot ask {address} for /tick: "):
            _ = [line async for line in ask.lines(address, "/tick?a=b", 20)]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (b"", "it closed the connection .it may want TLS"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "peer closed connection without"),
        (b"\x15\x03\x01\x00\x02\x02\x0a", "illegal"),
        (b"HTTP/1.1 403 No\r\nContent-Length: 8\r\n\r\nnot you\n", "it answered 403: not you"),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "it answered 404: without a word"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000, "longer than 1000 bytes"),
    ],
)
async def test_what_is_no_answer_is_named(answer: bytes, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "MAX_ANSWER", 1000)
    monkeypatch.setattr(clients, "MAX_LINE", 1000)
    async with answering(answer) as address:
        with pytest.raises(StatusError, match=f"^cannot ask {address} for /sessions: .*{cause}"):
            await ask.get(address, "/sessions?all=1", 20)
        with pytest.raises(StatusError, match=f"^cannot ask {address} for /sessions: .*{cause}"):
            await anext(ask.lines(address, "/sessions", 20))


async def test_silence_is_named() -> None:
    async with answering(b"HTTP/1.1 200 ", then_close=False) as address:
        with pytest.raises(StatusError, match=f"^cannot ask {address} for /x: no answer within 0.2 s"):
            await ask.get(address, "/x", 0.2)
        with pytest.raises(StatusError, match=r"no answer within 0\.2 s"):
            await anext(ask.lines(address, "/x", 0.2))


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("nowhere.invalid:1", "not known|resolution"),
        ("nonsense", "not host:port"),
        ("node1..example:9301", "that is no address: .*label empty or too long"),
        (f"{'a' * 64}:9301", "that is no address: .*label (empty or )?too long"),
    ],
)
async def test_nobody_there(address: str, cause: str) -> None:
    await cannot_ask(address, cause)


async def test_a_port_at_which_nobody_listens() -> None:
    with socket.socket() as taken:  # so that nobody else listens there
        taken.bind(("127.0.0.1", 0))
        await cannot_ask(f"127.0.0.1:{taken.getsockname()[1]}", "Connection refused")


async def cannot_ask(address: str, cause: str) -> None:
    with pytest.raises(StatusError, match=f"^cannot ask {address} for /x: .*({cause})"):
        await ask.get(address, "/x", 20)
    with pytest.raises(StatusError, match=f"^cannot ask {address} for /x: .*({cause})"):
        await anext(ask.lines(address, "/x", 20))
