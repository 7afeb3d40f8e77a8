"""The service Sessions: opening one, and listing what proxies report."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import grpc

from functional.controlplane.administering import HOST, Administered, refused
from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_core.codec import decode, encode
from waypoint_core.model import Claim, ClaimKind, ProxyAlive
from waypoint_core.registry import Written

ADDRESS = "10.0.0.1:9222"
OPEN = pb.OpenSessionRequest()


async def obeying(member: Administered) -> None:
    """From now on a proxy serves what is claimed for it."""
    await member.registry.put(member.keys.proxy("p"), encode(ProxyAlive("e", HOST, ADDRESS)))
    await member.until(lambda: "p" in member.tables.proxies)
    watching = asyncio.Event()

    async def obey() -> None:
        async with member.registry.watch(member.keys.claims) as events:
            async for event in events:
                watching.set()
                if isinstance(event, Written):
                    claim = decode(Claim, event.entry.value, event.entry.key)
                    if claim.kind is ClaimKind.SESSION and not claim.address:
                        await member.registry.put(event.entry.key, encode(replace(claim, address=ADDRESS)))

    member.tasks.start(obey(), name="proxy")
    await watching.wait()


async def test_a_session_is_opened_on_the_free_browser(member: Administered) -> None:
    await member.host()
    browser = await member.browser()
    await obeying(member)
    opened = await member.sessions.open(OPEN)
    assert opened.instance == browser
    assert opened.url.startswith(f"ws://{ADDRESS}/devtools/browser/")
    code, _ = await refused(member.sessions.open(OPEN))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    await member.hosts.cordon(pb.CordonRequest(name=HOST, reason="r"))
    _, words = await refused(member.sessions.open(OPEN))
    assert "cordoned" in words


async def test_that_a_proxy_is_missing_is_told(member: Administered) -> None:
    """'No browser is free' would send people to add slots."""
    await member.host()
    await member.browser()
    _, words = await refused(member.sessions.open(OPEN))
    assert "proxy" in words


async def test_sessions_that_live_and_all(member: Administered) -> None:
    assert len((await member.sessions.list(pb.ListSessionsRequest())).sessions) == 1
    everything = await member.sessions.list(pb.ListSessionsRequest(ended=True))
    assert len(everything.sessions) == 2
    assert list(everything.missing) == ["q: away"]
