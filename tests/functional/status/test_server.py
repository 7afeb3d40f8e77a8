"""The endpoint over real sockets, asked by clients good and bad."""

import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry, Counter

from functional.status.conftest import Serve
from functional.status.talk import Ticker, body, connected, echo, get, say, status
from waypoint_core.errors import ConfigError, WaypointError
from waypoint_core.status import connection
from waypoint_core.status.server import MAX_CONNECTIONS, Request, Response, StatusServer


async def test_health_and_metrics_answer_everybody(serve: Serve) -> None:
    metrics = CollectorRegistry()
    Counter("waypoint_test_things", "Things.", registry=metrics).inc(3)
    async with serve(metrics) as address:
        assert body(await say(address, get("/healthz"))) == b"ok\n"
        plain = await say(address, get("/metrics"))
        assert b"Content-Type: text/plain; version=0.0.4" in plain
        assert b"waypoint_test_things_total 3.0" in plain
        modern = await say(address, get("/metrics", "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1"))
        assert b"Content-Type: application/openmetrics-text; version=1.0.0" in modern
        assert modern.endswith(b"# EOF\n")


async def test_a_route_gets_path_and_query(serve: Serve) -> None:
    async with serve(private={"/journal": echo}) as address:
        answer = await say(address, get("/journal?unit=a%40b.service&follow=&unit=c"))
        assert body(answer) == b"/journal {'unit': 'c', 'follow': ''}"
        assert b"Content-Type: text/plain\r\n" in answer


@pytest.mark.parametrize(
    ("said", "code", "line"),
    [
        (get("/nothing"), 404, "cannot find /nothing: there are /healthz, /journal, /metrics"),
        (get("/healthz", method="POST"), 405, "cannot do POST here: only GET and HEAD"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and so on\r\n\r\n", 400, "cannot read this request"),
        (b"hello\r\n\r\n", 400, "cannot read this request"),
        (b"GET / HTTP/1.1\r\n\r\n", 400, "cannot read this request: Missing mandatory Host"),
        (get("//["), 400, "cannot read the requested address"),
        (get("/journal?" + "a=1&" * 99), 400, "cannot read the requested address"),
        (get("/", "X: " + "x" * 20_000), 431, "cannot read this request"),
    ],
)
async def test_bad_requests_get_one_clear_line(serve: Serve, said: bytes, code: int, line: str) -> None:
    async with serve(private={"/journal": echo}) as address:
        answer = await say(address, said)
        assert status(answer) == code
        assert body(answer).decode().startswith(line)
        assert body(answer).count(b"\n") == 1
        assert body(await say(address, get("/healthz"))) == b"ok\n"


async def test_a_head_request_gets_the_head(serve: Serve) -> None:
    ticker = Ticker()
    async with serve(public={"/tick": ticker.route}) as address:
        answer = await say(address, get("/healthz", method="HEAD"))
        assert (status(answer), body(answer)) == (200, b"")
        assert b"Content-Length: 3\r\n" in answer
        assert body(await say(address, get("/tick", method="HEAD"))) == b""


async def test_a_failing_route_is_answered_for(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async def knows(_: Request) -> Response:
        raise WaypointError("cannot read the journal: no\nsuch unit")

    async def breaks(_: Request) -> Response:
        raise ZeroDivisionError("secret")

    async with serve(public={"/knows": knows, "/breaks": breaks}) as address:
        answer = await say(address, get("/knows"))
        assert (status(answer), body(answer)) == (500, b"cannot read the journal: no such unit\n")
        answer = await say(address, get("/breaks"))
        assert status(answer) == 500
        assert b"secret" not in answer
    assert "cannot answer GET /breaks of 127.0.0.1" in caplog.text


async def test_a_slow_head_is_cut_and_disturbs_nobody(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_TIMEOUT", 3)
    async with serve() as address, connected(address) as (reader, writer):
        writer.write(b"GET /healthz HTTP/1.1\r\nHo")
        assert body(await say(address, get("/healthz"))) == b"ok\n"
        answer = await asyncio.wait_for(reader.read(), 20)
        assert status(answer) == 408
        assert body(answer) == b"cannot wait any longer for this request: 3 s have passed\n"


async def test_a_client_that_says_nothing_and_leaves(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    async with serve() as address:
        async with connected(address) as (_, writer):
            writer.write(b"GET")
        async with connected(address) as (reader, writer):
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 20) == b""
    assert not caplog.records


async def test_a_stream_is_chunked_line_by_line(serve: Serve) -> None:
    ticker = Ticker()
    async with serve(private={"/tick": ticker.route}) as address, connected(address) as (reader, writer):
        writer.write(get("/tick"))
        assert b"Transfer-Encoding: chunked" in await reader.readuntil(b"\r\n\r\n")
        for line in (b"one\n", b"", b"three\n"):
            ticker.lines.put_nowait(line)
        assert await reader.readexactly(20) == b"4\r\none\n\r\n6\r\nthree\n\r\n"
        ticker.lines.put_nowait(None)
        assert await reader.read() == b"0\r\n\r\n"
    assert ticker.closed.is_set()


async def test_an_http_1_0_client_gets_its_stream_without_chunks(serve: Serve) -> None:
    ticker = Ticker()
    for line in (b"one\n", b"two\n", None):
        ticker.lines.put_nowait(line)
    async with serve(private={"/tick": ticker.route}) as address:
        assert body(await say(address, b"GET /tick HTTP/1.0\r\n\r\n")) == b"one\ntwo\n"


@pytest.mark.parametrize("half", [False, True], ids=["gone", "half-closed"])
async def test_a_stream_is_closed_at_once_when_its_client_leaves(serve: Serve, half: bool) -> None:
    ticker = Ticker()
    async with serve(private={"/tick": ticker.route}) as address:
        async with asyncio.timeout(20), connected(address) as (reader, writer):
            writer.write(get("/tick"))
            await reader.readuntil(b"\r\n\r\n")
            await ticker.begun.wait()
            if half:
                writer.write_eof()
                await ticker.closed.wait()
        async with asyncio.timeout(20):
            await ticker.closed.wait()


async def test_a_client_that_does_not_read_is_left(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_SEND_TIMEOUT", 0.5)
    ticker = Ticker()
    for _ in range(200):
        ticker.lines.put_nowait(b"x" * 100_000)
    async with serve(private={"/tick": ticker.route}) as address, connected(address) as (_, writer):
        writer.write(get("/tick"))
        async with asyncio.timeout(20):
            await ticker.closed.wait()


async def test_a_stream_that_breaks_has_no_end(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    ticker = Ticker()
    ticker.lines.put_nowait(b"one\n")
    ticker.lines.put_nowait(7)  # type: ignore[arg-type]
    async with serve(private={"/tick": ticker.route}) as address:
        with contextlib.suppress(ConnectionResetError):
            assert not (await say(address, get("/tick"))).endswith(b"0\r\n\r\n")
    assert "cannot finish an answer" in caplog.text


async def test_shutting_down_closes_streams(serve: Serve) -> None:
    ticker = Ticker()
    async with contextlib.AsyncExitStack() as client:
        async with serve(private={"/tick": ticker.route}) as address:
            _, writer = await client.enter_async_context(connected(address))
            writer.write(get("/tick"))
            await ticker.begun.wait()
        assert ticker.closed.is_set()


async def test_a_hundred_clients_are_the_limit(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    ticker = Ticker()
    async with contextlib.AsyncExitStack() as clients, serve(private={"/tick": ticker.route}) as address:
        for _ in range(MAX_CONNECTIONS):
            reader, writer = await clients.enter_async_context(connected(address))
            writer.write(get("/tick"))
            await reader.readuntil(b"\r\n\r\n")
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                assert await say(address, get("/healthz")) == b""
        assert caplog.text.count("turns clients away: 100 are connected") == 1
        writer.transport.abort()
        answer = b""
        while not answer:
            with contextlib.suppress(ConnectionError):
                answer = await say(address, get("/healthz"))
        assert status(answer) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "localhost"])
async def test_it_listens_at_wildcards_and_names(serve: Serve, host: str) -> None:
    async with serve(host=host) as address:
        assert body(await say(address, get("/healthz"))) == b"ok\n"


async def test_it_listens_at_ipv6(serve: Serve) -> None:
    async with serve(private={"/journal": echo}, host="[::1]") as address:
        assert status(await say(address, get("/journal"))) == 200


async def test_an_address_that_cannot_be_had_is_named(serve: Serve) -> None:
    async with serve() as address:
        with pytest.raises(ConfigError, match=f"cannot listen on {address} for the status endpoint: .*in use"):
            await StatusServer(CollectorRegistry()).serve(address)
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:9 "):
        await StatusServer(CollectorRegistry()).serve("192.0.2.1:9")
    with pytest.raises(ConfigError, match="cannot use address"):
        await StatusServer(CollectorRegistry()).serve("::1:9")
