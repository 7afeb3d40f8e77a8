"""What breaks under a session at port 1337: its client says which part it was, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from functional.tzafonwright.endless import endless
from system.fleet import Fleet
from system.news import eventually
from tzafonwright import (
    ActionFailed,
    BrowserLost,
    BrowserOutOfMemory,
    Code,
    ConnectionLost,
    ServerLost,
    SessionLost,
    TzafonWrightClient,
    TzafonWrightError,
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


async def in_session(fleet: Fleet) -> str:
    """The instance that the only client has."""
    await eventually(lambda: len(fleet.listed("sessions")) == 1)
    [found] = await asyncio.to_thread(fleet.listed, "sessions")
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
    fleet.ctl("kill", instance, "--reason", "it is only a test")


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
    used = set()
    for _ in range(5):
        instance, error = await broken(fleet, breaks)
        used.add(instance)
        if type(error) is kind and words in str(error):  # what broke was known in time
            break
    assert type(error) is kind
    assert words in str(error)
    await eventually(lambda: used.isdisjoint(fleet.browsers()))
    if fleet.main_pid(PROXY) == proxy:  # its reserve goes with it
        assert before - set(fleet.browsers()) <= used, "others were disturbed"
    async with TzafonWrightClient(edge(fleet), connect_timeout=90) as again:
        assert await again.evaluate("6 * 7") == 42


async def broken(fleet: Fleet, breaks: Break) -> tuple[str, TzafonWrightError]:
    """A session's instance, and what its client was told when something broke under it."""
    tw = TzafonWrightClient(edge(fleet), connect_timeout=90)
    await tw.connect()
    async with asyncio.TaskGroup() as group:
        ended = await endless(tw, group)
        instance = await in_session(fleet)
        await asyncio.to_thread(breaks, fleet, instance)
        error = await ended
    await tw.close()
    return instance, error


async def test_a_browser_that_outgrows_its_memory(fleet: Fleet) -> None:
    named = all(hierarchy.version == 2 for hierarchy in cgroups.hierarchies())
    async with TzafonWrightClient(edge(fleet), connect_timeout=90) as tw:
        await tw.evaluate("6 * 7")
        unit = f"waypoint-browser@{fleet.instances()[await in_session(fleet)].slot}.service"
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
