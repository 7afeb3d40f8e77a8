"""What the edge does with requests that are wrong, slow, huge or plain garbage."""

from __future__ import annotations

import asyncio
import json
import logging
import random

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from functional.etcd.cluster import freeze
from functional.proxy.conftest import LATE, Cdp, Start, served, served_all
from waypoint_core.hold import EndCause, Ended

SESSION = "a-session-of-our-own"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/json/", "404 cannot find /json/"),
        ("/nothing", "404 cannot find /nothing"),
        ("/json/new", "405 cannot open or close targets over HTTP: use the session's WebSocket (Target.createTarget)"),
        ("/devtools/browser", "426 cannot answer: this is a WebSocket"),
        ("/json/list?session=../..", "400 cannot use that session id: 16 to 128 letters, digits, '-' and '_'"),
        (f"/json/list?session={SESSION}", "404 cannot find that session here"),
        ("/json/list", "200 OK"),
        ("/", "200 OK"),
    ],
)
async def test_plain_requests(start: Start, path: str, status: str) -> None:
    async with start(slots=0) as site:
        line, headers, body = await site.get(path)
        assert line.startswith(f"HTTP/1.1 {status}")
        if status != "200 OK":
            assert headers["content-type"] == "text/plain; charset=utf-8"
            assert body.decode().strip() == line.split(" ", 2)[2]


async def test_protocol_is_a_browsers_own(start: Start) -> None:
    async with start() as site:
        line, _, body = await site.get("/json/protocol")
        assert line == "HTTP/1.1 200 OK"
        assert "Browser" in [domain["domain"] for domain in json.loads(body)["domains"]]


async def test_unknown_target_is_a_404(start: Start) -> None:
    async with start() as site, site.connect(f"/devtools/browser/{SESSION}"):
        with pytest.raises(InvalidStatus) as refused:
            await site.connect(f"/devtools/page/ABC?session={SESSION}").__aenter__()
        assert refused.value.response.status_code == 404
        assert "No such target id" in refused.value.response.reason_phrase


async def test_oversize_head_is_a_431(start: Start) -> None:
    async with start(slots=0, max_header=2048) as site:
        line, _, _ = await site.get("/json/version", f"X-Long: {'x' * 3000}")
        assert line == "HTTP/1.1 431 cannot read the request: its head is larger than 2048 bytes"


async def test_slow_head_is_a_408_and_holds_up_nobody(start: Start) -> None:
    async with start(handshake_timeout=LATE) as site, site.connect() as ws:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"GET /json/version HTTP/1.1\r\nHost: ")
        await Cdp(ws).call("Browser.getVersion")
        assert (await reader.read(-1)).startswith(b"HTTP/1.1 408 cannot wait longer than 5 s for a request head")
        writer.close()


async def test_too_many_connections_is_a_503(start: Start) -> None:
    async with start(slots=1, max_connections=1) as site, site.connect() as ws:
        line, headers, _ = await site.get("/")
        assert line == "HTTP/1.1 503 cannot serve more than 1 connections"
        assert headers["retry-after"] == "5"
        await Cdp(ws).call("Browser.getVersion")


async def test_random_bytes_disturb_nobody(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "waypoint")
    dice = random.Random(9222)
    async with start() as site, site.connect() as ws:
        cdp = Cdp(ws)
        await cdp.call("Browser.getVersion")
        caplog.clear()
        own = served()

        async def throw(count: int) -> None:
            for _ in range(count):
                data = dice.choice(_FUZZ)(dice)
                _, writer = await asyncio.open_connection("127.0.0.1", site.port)
                writer.write(data)
                if dice.random() < 0.5:
                    writer.write_eof()
                await writer.drain()
                writer.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(throw(500))
            for _ in range(50):
                await cdp.call("Browser.getVersion")
        await served_all(besides=own)
        assert site.proxy.edge.connections == 1
        assert (await site.get("/json/list"))[0] == "HTTP/1.1 200 OK"
        await cdp.call("Browser.getVersion")
        assert len(caplog.records) <= 10_000
        assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert not [record for record in caplog.records if "\n" in record.getMessage()]
        assert not site.pool.past


def _mutilated(dice: random.Random) -> bytes:
    data = bytearray(
        b"GET /json/list HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    for _ in range(dice.randrange(1, 5)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data[: dice.randrange(len(data) + 1)])


_FUZZ = [
    lambda dice: dice.randbytes(dice.randrange(1, 200)),
    lambda dice: dice.randbytes(dice.randrange(1, 50)) + b"\r\n\r\n",
    lambda dice: b"GET " + dice.randbytes(20) + b" HTTP/1.1\r\n\r\n",
    lambda dice: b"\x16\x03\x01" + dice.randbytes(100),
    _mutilated,
]


async def test_binary_frame_ends_only_its_own_session(start: Start) -> None:
    async with start(slots=2) as site, site.connect() as neighbour, site.connect() as ws:
        await ws.send(b"\x00binary")
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1011, "browser closed the connection")
        await Cdp(neighbour).call("Browser.getVersion")


async def test_dead_browser_in_reserve_is_passed_over(start: Start) -> None:
    async with start(slots=3) as site:
        first, second, _ = await site.pool.until(3, held=True)
        site.pool.silent = True
        for life in (first, second):
            life.holder = None
            life.kill()
            await life.gone.wait()
        async with site.connect() as ws:
            await Cdp(ws).call("Browser.getVersion")


async def test_hung_browser_is_passed_over(start: Start) -> None:
    async with start(slots=2, browser_timeout=2.0) as site:
        await site.pool.until(2, held=True)
        hung = site.pool.lives[(await site.proxy.reserve.look()).instance]
        freeze(hung.process)
        async with site.connect() as ws:
            await Cdp(ws).call("Browser.getVersion")
            await hung.gone.wait()
        assert hung.released.startswith("cannot use the browser at")


async def test_kill_request_is_named(start: Start) -> None:
    async with start() as site, site.connect() as ws:
        await Cdp(ws).call("Browser.getVersion")
        (life,) = await site.pool.used()
        assert life.holder
        site.pool.tell(life.holder, Ended(life.instance, EndCause.KILL_REQUESTED, "by an operator"))
        with pytest.raises(ConnectionClosed) as closed:
            await ws.recv()
        assert closed.value.rcvd
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1008, "browser kill requested: by an operator")


async def test_big_messages_both_ways(start: Start) -> None:
    """100 MiB up and 256 MiB down, in bounded memory."""
    async with start() as site, site.connect() as ws:
        cdp = Cdp(ws)
        target = (await cdp.call("Target.createTarget", {"url": "about:blank"}))["targetId"]
        session = str((await cdp.call("Target.attachToTarget", {"targetId": target, "flatten": True}))["sessionId"])
        up = "x" * (100 * 1024 * 1024 - 1024)
        result = await cdp.call("Runtime.evaluate", {"expression": f"'{up}'.length"}, session)
        assert result["result"]["value"] == len(up)
        size = 256 * 1024 * 1024 - 1024
        result = await cdp.call("Runtime.evaluate", {"expression": f"'y'.repeat({size})"}, session)
        assert len(result["result"]["value"]) == size


async def test_client_that_drops_may_come_back_within_the_grace(start: Start) -> None:
    async with start(session_grace=60.0) as site:
        ws = await site.connect(f"/devtools/browser/{SESSION}").__aenter__()
        target = await Cdp(ws).call("Target.createTarget", {"url": "about:blank"})
        ws.transport.abort()
        async with site.connect(f"/devtools/browser/{SESSION}") as again:
            infos = (await Cdp(again).call("Target.getTargets"))["targetInfos"]
            assert target["targetId"] in [info["targetId"] for info in infos]
        await site.pool.wait_for(lambda: site.pool.past)


async def test_client_that_does_not_come_back_loses_its_browser(start: Start) -> None:
    async with start(session_grace=0.3) as site:
        ws = await site.connect(f"/devtools/browser/{SESSION}").__aenter__()
        await Cdp(ws).call("Browser.getVersion")
        ws.transport.abort()
        await site.pool.wait_for(lambda: site.pool.past)
        assert site.pool.past[0].released == "client did not come back"
        line, _, _ = await site.get(f"/json/list?session={SESSION}")
        assert line == "HTTP/1.1 410 cannot join the session, it has ended: client did not come back"


async def test_stopping_proxy_says_so(start: Start) -> None:
    async with start() as site:
        ws = await site.connect().__aenter__()
        await Cdp(ws).call("Browser.getVersion")
    with pytest.raises(ConnectionClosed) as closed:
        await ws.recv()
    assert closed.value.rcvd
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1001, "proxy is stopping")
