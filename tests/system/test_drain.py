"""A host is drained under live sessions: none is cut before the deadline, no new one arrives, the rest is told why."""

import asyncio
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from websockets.exceptions import InvalidStatus

from system.cdp import session
from system.fleet import SLOTS, Fleet
from system.news import eventually

DEADLINE = 40
REASON = "new memory modules"


@contextmanager
def draining(fleet: Fleet, *options: str) -> Iterator[subprocess.Popen[str]]:
    """waypointctl drain on the host itself; uncordoned at the end."""
    argv = fleet.host.command(*fleet.waypointctl("drain", fleet.host.name, "--reason", REASON, *options))
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            fleet.ctl("uncordon", fleet.host.name)


async def told(drain: subprocess.Popen[str], words: str) -> None:
    """Wait until it says so."""
    assert drain.stdout is not None
    said = line = "nothing"
    while words not in line:
        line = await asyncio.to_thread(drain.stdout.readline)
        assert line, f"it ended without {words!r}: {said}"
        said += line


def state(fleet: Fleet) -> str:
    """What waypointctl says of the host."""
    (host,) = fleet.listed("hosts")
    return host["state"]


async def refused(fleet: Fleet) -> str:
    """The reason with which a new client is turned away."""
    with pytest.raises(InvalidStatus) as refusal:
        async with session(fleet.ws):
            pass
    assert refusal.value.response.status_code == 503
    return refusal.value.response.reason_phrase


async def test_sessions_end_by_themselves_or_at_the_deadline(fleet: Fleet) -> None:
    async with session(fleet.ws) as leaves, session(fleet.ws) as stays:
        with draining(fleet, "--deadline", f"{DEADLINE}s") as drain:
            began = time.monotonic()
            await told(drain, "2 sessions left")
            await eventually(lambda: len(fleet.claims()) == 2)  # the reserve is given back
            assert await leaves.pid()
            await leaves.call("Browser.close")
            await leaves.closed()
            await eventually(lambda: len(fleet.claims()) == 1)
            await told(drain, "1 session left")
            assert await stays.pid()
            code, reason = await stays.closed()
            assert time.monotonic() - began >= DEADLINE - 0.5, "cut before its time"
            said, _ = await asyncio.to_thread(drain.communicate)
            assert drain.returncode == 0, said
    assert code == 1008
    assert REASON in reason
    assert "drained" in said


async def test_no_new_session_arrives_and_browsers_stay_warm(fleet: Fleet) -> None:
    async with session(fleet.ws) as live:
        with draining(fleet, "--deadline", "600s", "--no-wait") as drain:
            await asyncio.to_thread(drain.wait)
            assert drain.returncode == 0
            await eventually(lambda: "DRAINING" in (said := state(fleet)) or said)
            await eventually(lambda: len(fleet.claims()) == 1)  # the proxy knows it, too
            reason = await refused(fleet)
            assert "cordoned" in reason
            assert REASON in reason
            assert await live.pid()
            await eventually(lambda: len(fleet.browsers()) == SLOTS)  # those of the reserve anew
        await eventually(lambda: "READY" in (said := state(fleet)) or said)
        await fleet.whole(sessions=1)
    async with session(fleet.ws) as client:
        assert await client.pid()


async def test_a_watcher_that_left_can_come_back(fleet: Fleet) -> None:
    """Drain goes on without waypointctl, and a second one goes on watching the same deadline."""
    async with session(fleet.ws) as stays:
        with draining(fleet, "--deadline", "600s", "--no-wait") as first:
            await asyncio.to_thread(first.wait)
            with draining(fleet) as second:
                await stays.call("Browser.close")
                said, _ = await asyncio.to_thread(second.communicate)
                assert second.returncode == 0, said
    assert "drained" in said
