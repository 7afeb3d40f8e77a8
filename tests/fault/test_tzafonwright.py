"""What breaks under a session at port 1337: its client says which part it was, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from functional.tzafonwright.endless import endless
from system.fleet import Fleet, eventually
from tzafonwright import (
    ActionFailed,
    BrowserLost,
    BrowserOutOfMemory,
    Code,
    ConnectionLost,
    ServerLost,
    SessionLost,
    TzafonWrightClient,
)
from waypoint_lab import cgroups

SERVER = "waypoint-tzafonwright.service"
PROXY = "waypoint-proxy.service"
GREEDY = """() => {
  const kept = [];
  for (let n = 0; n < 4000; n++) kept.push(new Uint8Array(1 << 20).fill(n));
  return kept.length;
}"""
Break = Callable[[Fleet, str], object]


def edge(fleet: Fleet) -> str:
    return f"ws://{fleet.host.address}:1337"


def in_session(fleet: Fleet) -> str:
    """The instance that the only client has."""
    [found] = json.loads(fleet.host.run("waypointctl", "get", "sessions", "-o", "json").stdout)["items"]
    return str(found["instance"])


def killing(unit: str) -> Break:
    return lambda fleet, _: fleet.host.run("systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", unit)


def kill_driver(fleet: Fleet, _: str) -> None:
    server = fleet.main_pid(SERVER)
    fleet.host.run("pkill", "--signal=KILL", "--parent", str(server))


def kill_browser(fleet: Fleet, instance: str) -> None:
    slot = fleet.instances()[instance].slot
    fleet.host.run("systemctl", "kill", "--kill-whom=main", "--signal=SIGKILL", f"waypoint-browser@{slot}.service")


def kill_by_hand(fleet: Fleet, instance: str) -> None:
    fleet.host.run("waypointctl", "kill", instance, "--reason", "it is only a test")


@pytest.mark.parametrize(
    ("breaks", "kind", "words"),
    [
        (kill_browser, BrowserLost, "browser crashed: killed by signal 9"),
        (kill_by_hand, BrowserLost, "it is only a test"),
        (kill_driver, ServerLost, "server: the browser driver ended"),
        (killing(SERVER), ServerLost, "server closed the connection"),
        (killing(PROXY), ConnectionLost, "the connection broke"),
    ],
    ids=["browser", "by-hand", "driver", "server", "proxy"],
)
async def test_what_broke(fleet: Fleet, breaks: Break, kind: type[SessionLost], words: str) -> None:
    before, proxy = set(fleet.browsers()), fleet.main_pid(PROXY)
    tw = TzafonWrightClient(edge(fleet), connect_timeout=30)
    await tw.connect()
    async with asyncio.TaskGroup() as group:
        ended = await endless(tw, group)
        instance = in_session(fleet)
        await asyncio.to_thread(breaks, fleet, instance)
        assert type(await ended) is kind
    assert words in str(ended.result())
    await tw.close()
    await eventually(lambda: instance not in fleet.browsers())
    if fleet.main_pid(PROXY) == proxy:  # its reserve goes with it
        assert before - set(fleet.browsers()) == {instance}, "others were disturbed"
    async with TzafonWrightClient(edge(fleet), connect_timeout=30) as again:
        assert await again.evaluate("6 * 7") == 42


async def test_a_browser_that_outgrows_its_memory(fleet: Fleet) -> None:
    named = all(hierarchy.version == 2 for hierarchy in cgroups.hierarchies())
    async with TzafonWrightClient(edge(fleet), connect_timeout=30) as tw:
        await tw.evaluate("6 * 7")
        unit = f"waypoint-browser@{fleet.instances()[in_session(fleet)].slot}.service"
        fleet.host.run("systemctl", "set-property", "--runtime", unit, "MemoryMax=300M", "MemorySwapMax=0")
        try:
            with pytest.raises((BrowserLost, ActionFailed)) as lost:
                await tw.evaluate(GREEDY)
        finally:
            fleet.host.run("systemctl", "revert", unit)
    if named:
        assert type(lost.value) is BrowserOutOfMemory
    else:
        # Without version 2 of cgroups systemd does not learn of it: the kernel ends the tab's process alone.
        assert isinstance(lost.value, BrowserLost) or lost.value.code == Code.CLOSED
