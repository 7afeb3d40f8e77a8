"""Clients that wait for a browser, and what they are told when there is none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Container
from dataclasses import replace

import pytest
from websockets.exceptions import InvalidStatus

from functional.etcd.cluster import freeze
from functional.proxy.conftest import LATE, Cdp, Site, Start
from functional.proxy.pool import HOST
from waypoint_core.codec import encode
from waypoint_core.hold import Hold
from waypoint_proxy.reserve import Browser


async def waiting(site: Site, count: int) -> None:
    """Returns once so many clients have come to wait."""
    async with asyncio.timeout(20):
        while site.proxy.reserve.waiting < count:
            await site.reserve_changed.turn()
    assert site.proxy.reserve.waiting == count


async def test_client_waits_until_a_browser_is_free(start: Start) -> None:
    async with start(slots=1) as site:
        async with site.connect() as first:
            await Cdp(first).call("Browser.getVersion")
            async with asyncio.TaskGroup() as group:
                second = group.create_task(site.connect().__aenter__())
                await waiting(site, 1)
                await first.close()
        async with second.result() as ws:
            await Cdp(ws).call("Browser.getVersion")
            assert len(site.pool.past) == 1


async def test_a_session_whose_claim_is_gone_shares_nothing(start: Start) -> None:
    """As after a restored registry, or when the host was given up for a while and then came back."""
    async with start(slots=1, reserve=1, upgrade_timeout=LATE) as site:
        await site.pool.until(1, held=True)
        async with site.connect() as first:
            client = Cdp(first)
            await client.call("Browser.getVersion")
            (life,) = await site.pool.used()
            keys = site.pool.keys
            await site.registry.delete(keys.claim(life.instance))
            await site.registry.put(keys.instance(HOST, life.instance), encode(site.pool.record(life)))
            with pytest.raises(InvalidStatus) as refused:
                await site.connect().__aenter__()
            assert refused.value.response.status_code == 503
            assert await client.call("Browser.getVersion")
            assert site.pool.in_use() == [life]


async def test_none_free_in_time_is_a_503_that_says_why(start: Start) -> None:
    async with start(slots=1, upgrade_timeout=LATE) as site:
        await site.pool.until(1, held=True)
        async with site.connect():
            with pytest.raises(InvalidStatus) as refused:
                await site.connect().__aenter__()
        response = refused.value.response
        reason = f"cannot give a browser within {LATE:g} s: all browsers are in use"
        assert (response.status_code, response.reason_phrase, response.body) == (503, reason, f"{reason}\n".encode())
        assert response.headers["Retry-After"] == "5"
        assert response.headers["Content-Type"].startswith("text/plain")
        assert response.headers["x-playwright-debug-log"] == reason


async def test_a_stopping_proxy_says_so_to_who_waits(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.TaskGroup() as clients, start(slots=1) as site:
        await site.pool.until(1, held=True)
        await site.connect().__aenter__()
        looking, look = asyncio.Event(), site.proxy.reserve.look

        def noting(*besides: Container[str]) -> Awaitable[Browser]:
            looking.set()
            return look(*besides)

        monkeypatch.setattr(site.proxy.reserve, "look", noting)
        asked = [clients.create_task(site.raw(request)) for request in (UPGRADE, VERSION)]
        await waiting(site, 1)
        async with asyncio.timeout(20):
            await looking.wait()
    for answer in asked:
        head, _, body = answer.result().partition(b"\r\n\r\n")
        status, *fields = head.split(b"\r\n")
        assert status == b"HTTP/1.1 503 the proxy is stopping"
        assert b"Retry-After: 1" in fields
        assert body == b"the proxy is stopping\n"


async def test_client_that_leaves_the_queue_costs_nothing(start: Start) -> None:
    async with start(slots=1) as site:
        async with site.connect() as first:
            await Cdp(first).call("Browser.getVersion")
            for _ in range(3):
                reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
                writer.write(UPGRADE)
                await waiting(site, 1)
                writer.write_eof()
                assert await asyncio.wait_for(reader.read(), 10) == b""
                assert site.proxy.reserve.waiting == 0
                writer.close()
        await site.pool.wait_for(lambda: len(site.pool.past) == 1)
        async with site.connect() as ws:
            await Cdp(ws).call("Browser.getVersion")
        await site.pool.wait_for(lambda: len(site.pool.past) == 2)
        used = {m.instance for m in site.pool.heard if isinstance(m, Hold) and m.session}
        assert len(used) == 2


async def test_version_spends_nothing_and_names_a_session(start: Start) -> None:
    async with start(slots=1) as site:
        await site.pool.until(1, held=True)
        urls = set()
        for _ in range(5):
            status, headers, body = await site.get("/json/version/?token=a")
            assert status == "HTTP/1.1 200 OK"
            assert headers["content-type"] == "application/json; charset=UTF-8"
            urls.add(json.loads(body)["webSocketDebuggerUrl"])
        assert len(urls) == 5
        assert not site.pool.past
        assert not site.pool.in_use()
        url = urls.pop()
        path = url.removeprefix(site.ws)
        assert path.endswith("?token=a")
        async with site.connect(path) as ws:
            await Cdp(ws).call("Browser.getVersion")
            (life,) = await site.pool.used()
            assert life.session == path.removeprefix("/devtools/browser/").partition("?")[0]


async def test_version_waits_for_a_free_browser(start: Start) -> None:
    async with start(slots=1, version_timeout=0.2) as site, site.connect():
        status, headers = "", {}
        async with asyncio.timeout(20):
            while "all browsers are in use" not in status:  # as the registry tells the proxy by and by
                status, headers, _ = await site.get("/json/version")
                assert status.startswith("HTTP/1.1 503 cannot give a browser within 0.2 s: ")
        assert headers["retry-after"] == "5"


async def test_version_is_told_though_a_browser_hangs(start: Start) -> None:
    async with start(slots=2, browser_timeout=LATE) as site:
        await site.pool.until(2, held=True)
        async with asyncio.timeout(10):
            first = await site.proxy.reserve.look()
            await site.proxy.reserve.look({first.instance})
        freeze(site.pool.lives[first.instance].process)
        for _ in range(2):
            status, _, body = await site.get("/json/version")
            assert status == "HTTP/1.1 200 OK"
            assert "HeadlessChrome" in json.loads(body)["Browser"]
        assert not site.pool.past


async def test_browser_without_an_endpoint_is_passed_over(start: Start) -> None:
    async with start(slots=1, reserve=1) as site:
        (life,) = await site.pool.until(1, held=True)
        async with asyncio.timeout(20):
            await site.proxy.reserve.look()
        endpoints = iter(["ws://", "ws://b:99999/"])
        site.pool.record = lambda life: replace(record(life), endpoints={"cdp": next(endpoints, life.endpoint)})
        record = type(site.pool).record.__get__(site.pool)
        life.kill()
        await site.pool.wait_for(lambda: len(site.pool.past) == 3)
        assert ["no endpoint" in past.released for past in site.pool.past] == [False, True, True]
        async with site.connect() as ws:
            await Cdp(ws).call("Browser.getVersion")


async def test_reserve_outlives_the_registry(start: Start) -> None:
    async with start(slots=2, upgrade_timeout=LATE) as site:
        await site.pool.until(2, held=True)
        site.registry.available = False
        for _ in range(2):
            async with site.connect() as ws:
                await Cdp(ws).call("Browser.getVersion")
        with pytest.raises(InvalidStatus) as refused:
            await site.connect().__aenter__()
        assert "the registry is unreachable since" in refused.value.response.reason_phrase
        site.registry.available = True


async def test_agent_restart_disturbs_no_session(start: Start) -> None:
    async with start(slots=2) as site:
        await site.pool.until(2, held=True)
        async with site.connect() as ws:
            cdp = Cdp(ws)
            await cdp.call("Browser.getVersion")
            await site.pool.used()
            held = {life.instance for life in site.pool.lives.values()}
            assert not any(m.again for m in site.pool.heard if isinstance(m, Hold))
            site.pool.forget_holders()
            await site.pool.hang_up()
            await cdp.call("Browser.getVersion")
            site.pool.heard.clear()
            await site.pool.listen()
            await site.pool.until(2, held=True)
            assert {m.instance for m in site.pool.heard if isinstance(m, Hold) and m.again} == held
            assert len(site.pool.in_use()) == 1
            await cdp.call("Browser.getVersion")
        await site.pool.wait_for(lambda: len(site.pool.past) == 1)


async def test_session_that_ends_while_the_agent_is_away_is_released_later(start: Start) -> None:
    async with start(slots=1) as site:
        async with site.connect() as ws:
            await Cdp(ws).call("Browser.getVersion")
            await site.pool.used()
            site.pool.forget_holders()
            await site.pool.hang_up()
        assert not site.pool.past
        await site.pool.listen()
        await site.pool.wait_for(lambda: site.pool.past)


VERSION = b"GET /json/version HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
