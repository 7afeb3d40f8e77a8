"""etcd is away for a minute: sessions live on, and new ones are served for as long as the reserve lasts."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest
from websockets.exceptions import InvalidStatus

from system.cdp import session
from system.fleet import RESERVE, SLOTS, Fleet, eventually
from system.undisturbed import undisturbed

OUTAGE = 60


@pytest.mark.timeout(180)
async def test_etcd_is_away(fleet: Fleet, site: str) -> None:
    async with undisturbed(fleet) as instance:
        await fleet.whole(sessions=1)
        daemons = {unit: fleet.main_pid(unit) for unit in ("waypoint-agent", "waypoint-proxy")}
        fleet.host.run("systemctl", "stop", "etcd")
        back = time.monotonic() + OUTAGE
        used = set()
        async with AsyncExitStack() as live:
            for _ in range(RESERVE):  # served from the reserve, without etcd
                client = await live.enter_async_context(session(fleet.ws))
                assert await client.text(await client.page(f"{site}/form.html"))
                used.add(fleet.instance_of(await client.pid()))
            with pytest.raises(InvalidStatus) as refused:  # and no more than that
                await live.enter_async_context(session(fleet.ws))
            assert refused.value.response.status_code == 503
            assert int(refused.value.response.headers["Retry-After"]) > 0
            assert b"etcd" in refused.value.response.body
        assert len(used) == RESERVE
        # What was used is replaced all the same.
        await eventually(lambda: len(fleet.browsers()) == SLOTS and not used & fleet.browsers().keys(), within=15)
        browsers = fleet.browsers()
        await asyncio.sleep(back - time.monotonic())
        assert fleet.browsers() == browsers
        fleet.host.run("systemctl", "start", "etcd")
        await fleet.whole(sessions=1)
        assert fleet.browsers() == browsers
        assert instance in browsers
        assert daemons == {unit: fleet.main_pid(unit) for unit in daemons}
