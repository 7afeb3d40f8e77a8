"""Sessions come and go while everything around them dies again and again: none fails, none meets another's browser."""

import asyncio
import itertools

from system.cdp import session
from system.fleet import Fleet
from system.news import eventually

AT_ONCE = 8
TROUBLES = (
    ("kill", "--signal=SIGKILL", "waypoint-agent"),
    ("kill", "--signal=SIGKILL", "etcd"),
    ("kill", "--signal=SIGKILL", "waypoint-broker"),
    ("restart", "waypoint-agent"),
    ("kill", "--signal=SIGKILL", "waypoint-controlplane"),
    ("kill", "--signal=SIGKILL", "waypoint-agent", "etcd"),
    ("daemon-reexec",),
)
ROUNDS = 4
SESSIONS_BETWEEN = 6


async def visit(fleet: Fleet, site: str, mark: str) -> str:
    """Find a browser that nobody has used, and use it; the instance that it was."""
    async with session(fleet.ws) as client:
        targets = (await client.call("Target.getTargets"))["targetInfos"]
        assert {target["url"] for target in targets if target["type"] == "page"} <= {"about:blank"}
        assert (await client.call("Storage.getCookies"))["cookies"] == []
        page = await client.page()
        assert not await client.navigate(page, f"{site}/cookie?{mark}")
        assert await client.evaluate(page, "document.cookie") == f"mark={mark}"
        return await asyncio.to_thread(fleet.instance_of, await client.pid())


async def test_no_session_fails_and_no_browser_serves_two(fleet: Fleet, site: str) -> None:
    seen: list[str] = []
    stirred, over = asyncio.Event(), asyncio.Event()

    async def client(name: int) -> None:
        for number in itertools.count():
            seen.append(await visit(fleet, site, f"client-{name}-{number}"))
            stirred.set()
            if over.is_set():
                return

    async with asyncio.TaskGroup() as clients:
        for name in range(AT_ONCE):
            clients.create_task(client(name), name=f"client {name}")
        for trouble in TROUBLES * ROUNDS:
            await asyncio.to_thread(fleet.host.run, "systemctl", *trouble)
            wanted = len(seen) + SESSIONS_BETWEEN
            while len(seen) < wanted:
                stirred.clear()
                await stirred.wait()
        over.set()
    assert len(set(seen)) == len(seen)
    await eventually(lambda: fleet.browsers().keys().isdisjoint(seen))
    await fleet.whole()
