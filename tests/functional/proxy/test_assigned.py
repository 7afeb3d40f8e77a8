"""Browsers that the control plane claims for this proxy, as sessions and as addresses of their own."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from functional.proxy.conftest import LATE, Cdp, Site, Start
from functional.proxy.pool import HOST, Life
from waypoint_core.codec import decode, encode
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.keys import Keys
from waypoint_core.model import Claim, ClaimKind, DesiredHost
from waypoint_core.registry import Condition, Operation, Outcome, Put, Written

KEYS = Keys()
ID = "a-session-opened-ahead"
PATIENTLY = {"compression": None, "open_timeout": 40}


async def assign(site: Site, life: Life, kind: ClaimKind, session: str = "") -> None:
    """What the control plane writes, over the proxy's own claim if there is one."""
    claim = Claim("testproxy", "from-control-plane", kind, session)
    await site.registry.put(KEYS.claim(life.instance), encode(claim))


async def claim_once(site: Site, life: Life, true: object) -> Claim | None:
    """The claim as soon as it is so; None when it has been deleted."""
    async with asyncio.timeout(20), site.registry.watch(KEYS.claim(life.instance)) as events:
        async for event in events:
            if isinstance(event, Written):
                claim = decode(Claim, event.entry.value, event.entry.key)
                if true(claim):
                    return claim
            elif hasattr(event, "key"):
                return None
    return None


async def stocked(site: Site) -> None:
    """Until the browser that is held is in reserve, too."""
    async with asyncio.timeout(20):
        await site.proxy.reserve.look()


async def served(site: Site, life: Life) -> str:
    """The address that the proxy writes into the claim."""
    claim = await claim_once(site, life, lambda claim: claim.address)
    assert claim is not None
    return claim.address


async def closed(address: str) -> None:
    """Returns once a browser's own address is no longer listened on."""
    if serving := [task for task in asyncio.all_tasks() if task.get_name() == f"direct {address}"]:
        await asyncio.wait(serving)


@pytest.mark.parametrize("reserve", [0, 1])
async def test_direct(start: Start, reserve: int) -> None:
    async with start(reserve=reserve) as site:
        (life,) = await site.pool.until(1, held=bool(reserve))
        if reserve:
            await stocked(site)
        await assign(site, life, ClaimKind.DIRECT)
        address = await served(site, life)
        async with connect(f"ws://{address}/", **PATIENTLY) as first:
            product = (await Cdp(first).call("Browser.getVersion"))["product"]
            async with connect(f"ws://{address}/", **PATIENTLY) as second:  # the same browser
                assert (await Cdp(second).call("Target.getTargets"))["targetInfos"]
            assert product
            assert await site.pool.used() == [life]
        await life.gone.wait()
        await closed(address)
        with pytest.raises(OSError, match="refused"):
            await connect(f"ws://{address}/")


async def test_direct_address_describes_itself(start: Start) -> None:
    async with start(reserve=0) as site:
        (life,) = await site.pool.until(1)
        await assign(site, life, ClaimKind.DIRECT)
        address = await served(site, life)
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(f"GET /json/version HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
        writer.close()
        url = json.loads(body)["webSocketDebuggerUrl"]
        assert url.startswith(f"ws://{address}/devtools/browser/")
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://{address}/devtools/browser/somebody-elses-session", **PATIENTLY)
        assert refused.value.response.status_code == 404
        async with connect(url, **PATIENTLY) as socket:
            assert await Cdp(socket).call("Browser.getVersion")


async def test_session_opened_ahead(start: Start) -> None:
    async with start(reserve=1) as site:
        (life,) = await site.pool.until(1, held=True)
        await stocked(site)
        await assign(site, life, ClaimKind.SESSION, ID)
        address = await served(site, life)
        assert address == f"127.0.0.1:{site.port}"
        async with connect(f"ws://{address}/devtools/browser/{ID}", **PATIENTLY) as socket:
            assert await Cdp(socket).call("Browser.getVersion")
            assert await site.pool.used() == [life]
        await life.gone.wait()


async def test_nobody_comes(start: Start) -> None:
    async with start(reserve=0, open_timeout=0.2) as site:
        (life,) = await site.pool.until(1)
        await assign(site, life, ClaimKind.SESSION, ID)
        await served(site, life)
        await asyncio.wait_for(life.gone.wait(), 20)
        assert life.released == "no client came in time"


async def test_a_browser_in_use_stays_with_its_client(start: Start) -> None:
    async with start(reserve=1) as site:
        await site.pool.until(1, held=True)
        async with site.connect() as socket:
            client = Cdp(socket)
            await client.call("Browser.getVersion")
            (life,) = await site.pool.used()
            await assign(site, life, ClaimKind.DIRECT)
            claim = await claim_once(site, life, lambda claim: claim.request != "from-control-plane")
            assert claim is not None
            assert (claim.proxy, claim.kind) == ("testproxy", ClaimKind.CDP)
            assert await client.call("Browser.getVersion")
        await life.gone.wait()


async def test_a_claim_taken_back_ends_its_session(start: Start) -> None:
    async with start(reserve=0) as site:
        (life,) = await site.pool.until(1)
        await assign(site, life, ClaimKind.DIRECT)
        address = await served(site, life)
        async with connect(f"ws://{address}/", **PATIENTLY) as socket:
            await Cdp(socket).call("Browser.getVersion")
            await site.registry.delete(KEYS.claim(life.instance))
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
        assert closed.value.rcvd is not None
        assert "withdrawn" in closed.value.rcvd.reason


async def test_a_browser_that_is_not_there_is_not_served(start: Start) -> None:
    async with start(reserve=0) as site:
        (life,) = await site.pool.until(1)
        ghost = replace(life, instance=life.instance[:-1] + "x")
        await assign(site, ghost, ClaimKind.DIRECT)
        assert await claim_once(site, ghost, lambda claim: claim.address) is None


@pytest.mark.parametrize("kind", [ClaimKind.DIRECT, ClaimKind.SESSION])
async def test_an_address_that_cannot_be_written_costs_only_its_session(start: Start, kind: ClaimKind) -> None:
    async with start(slots=2, reserve=1) as site, site.connect() as socket:
        client = Cdp(socket)
        await client.call("Browser.getVersion")
        (used,) = await site.pool.used()
        await site.pool.until(2, held=True)
        await stocked(site)
        (other,) = [life for life in site.pool.lives.values() if life is not used]
        site.registry.transact = unanswered(site.registry.transact)
        await assign(site, other, kind, ID)
        await asyncio.wait_for(other.gone.wait(), 20)
        assert other.released == "its claim was withdrawn"
        assert await client.call("Browser.getVersion")


def unanswered(transact: Callable[..., Awaitable[Outcome]]) -> Callable[..., Awaitable[Outcome]]:
    """The same, except that nobody answers when an address is to be written into a claim."""

    async def answer(
        conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        if any(isinstance(put, Put) and b'"address"' in put.value for put in then):
            raise RegistryUnavailable("cannot reach etcd")
        return await transact(conditions, then, otherwise)

    return answer


async def test_cordon(start: Start) -> None:
    """The reserve is given back, who is there stays, who comes is told why."""
    async with start(slots=2, reserve=2, upgrade_timeout=LATE) as site:
        await site.pool.until(2, held=True)
        async with site.connect() as socket:
            client = Cdp(socket)
            await client.call("Browser.getVersion")
            cordoned = DesiredHost(cordon=True, reason="new disks")
            await site.registry.put(KEYS.desired_host(HOST), encode(cordoned))
            await site.pool.wait_for(lambda: any("cordoned" in life.released for life in site.pool.past))
            status, _, body = await site.get("/", "Connection: Upgrade", "Upgrade: websocket",
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")  # fmt: skip
            assert status.startswith("HTTP/1.1 503")
            assert b"this host is cordoned: new disks" in body
            assert await client.call("Browser.getVersion")
            await site.registry.delete(KEYS.desired_host(HOST))
            await site.pool.until(2, held=True)
            async with site.connect() as other:
                assert await Cdp(other).call("Browser.getVersion")


async def test_reports_and_metrics(start: Start) -> None:
    async with start(reserve=1) as site:
        await site.pool.until(1, held=True)
        async with site.connect() as socket:
            await Cdp(socket).call("Browser.getVersion")
            (life,) = await site.pool.used()
            (live,) = await ask(site, "/sessions")
            assert (live["instance"], live["kind"]) == (life.instance, "cdp")
            assert live["client"].startswith("127.0.0.1:")
            assert live["bytes_to_client"] > 100
            assert value(site, "waypoint_proxy_live_sessions") == 1
        await life.gone.wait()
        (past,) = await ask(site, "/sessions")
        assert past["end_reason"] == "client left"
        assert value(site, "waypoint_proxy_sessions_total", kind="cdp", end="client_left") == 1
        assert value(site, "waypoint_proxy_bytes_total", direction="to_client") >= past["bytes_to_client"]


def value(site: Site, name: str, **labels: str) -> float | None:
    return site.collectors.get_sample_value(name, labels)


async def ask(site: Site, path: str) -> list[dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.status)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    return [json.loads(line) for line in body.splitlines()]
