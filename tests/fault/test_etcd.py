"""etcd is away for a minute: sessions live on, and new ones are served for as long as the reserve lasts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from websockets.exceptions import InvalidStatus

from system.cdp import session
from system.fleet import RESERVE, SLOTS, Fleet
from system.news import eventually
from system.undisturbed import undisturbed

OUTAGE = 60


async def test_etcd_is_away(fleet: Fleet, site: str) -> None:
    async with undisturbed(fleet) as instance:
        await fleet.whole(sessions=1)
        daemons = {unit: fleet.main_pid(unit) for unit in ("waypoint-agent", "waypoint-proxy")}
        async with without_etcd(fleet):
            used = await use_up_the_reserve(fleet, site)
            await eventually(lambda: fleet.browsers().keys().isdisjoint(used))
            await eventually(lambda: len(fleet.browsers()) == SLOTS)  # replaced all the same
            browsers = fleet.browsers()
        await fleet.whole(sessions=1)
        assert fleet.browsers() == browsers
        assert instance in browsers
        assert daemons == {unit: fleet.main_pid(unit) for unit in daemons}
        assert await use_all(fleet, but=instance) == browsers.keys() - {instance}


@asynccontextmanager
async def without_etcd(fleet: Fleet) -> AsyncIterator[None]:
    """etcd is away for as long as the block takes, and for OUTAGE seconds at least."""
    fleet.host.run("systemctl", "stop", "etcd")
    try:
        back = time.monotonic() + OUTAGE
        yield
        await asyncio.sleep(back - time.monotonic())  # how long it lasts is the point: nothing happens at its end
    finally:
        fleet.host.run("systemctl", "start", "etcd")


async def use_up_the_reserve(fleet: Fleet, site: str) -> set[str]:
    """As many sessions as are in reserve work; one more is told why it has to wait. The instances that were used."""
    used = set()
    async with AsyncExitStack() as live:
        for _ in range(RESERVE):
            client = await live.enter_async_context(session(fleet.ws))
            page = await client.page(f"{site}/form.html")
            assert await client.evaluate(page, "document.title") == "Form"
            used.add(fleet.instance_of(await client.pid()))
        with pytest.raises(InvalidStatus) as refused:
            await live.enter_async_context(session(fleet.ws))
    assert len(used) == RESERVE
    response = refused.value.response
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert "unreachable" in response.reason_phrase
    assert response.body.decode().startswith(response.reason_phrase)
    return used


async def use_all(fleet: Fleet, but: str) -> set[str]:
    """As many sessions at once as there are browsers but one; their instances."""
    async with AsyncExitStack() as live:
        clients = [await live.enter_async_context(session(fleet.ws)) for _ in fleet.browsers().keys() - {but}]
        return {fleet.instance_of(await client.pid()) for client in clients}
