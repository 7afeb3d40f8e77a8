"""Waiting for what booted hosts do: a change in etcd or a line in a journal is a reason to look again."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from contextlib import suppress

from waypoint_lab import Host
from waypoint_lab.record import find_all

# Each begins with what is the latest already, so that nothing is missed before it listens.
_TELL = """
journalctl --quiet --follow --merge --lines=1 --output=cat &
revision=$(etcdctl get x --write-out=fields | sed -n 's/^"Revision" : //p')
if [ "$revision" ]; then etcdctl watch '' --prefix --rev="$revision"; fi
wait
"""

PATIENCE = 60.0
"""Seconds that a test waits for what must come; how soon it comes is a figure of `tests/bench/endings.py`."""


async def eventually(look: Callable[[], object], within: float = PATIENCE) -> float:
    """Look, again after all news of the hosts that this process has booted, until it says True; the seconds it took.

    AssertionError with what it last said once `within` seconds have passed.
    """
    began = time.monotonic()
    if (said := await asyncio.to_thread(look)) is not True:
        said = await _in_time(look, began + within)
    assert said is True, f"not after {within} s: {said}"
    return time.monotonic() - began


async def _in_time(look: Callable[[], object], deadline: float) -> object:
    """True as soon as it says so, else what it says at the deadline."""
    stirred = asyncio.Event()
    mine = [Host(record) for record in find_all() if record.owner == os.getpid() and record.pid1]
    async with asyncio.TaskGroup() as group:
        listening = [group.create_task(_listen(host, stirred), name=f"news of {host.name}") for host in mine]
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                while await asyncio.to_thread(look) is not True:
                    await stirred.wait()
                    stirred.clear()
                return True
        except TimeoutError:
            return await asyncio.to_thread(look)
        finally:
            for task in listening:
                task.cancel()


async def _listen(host: Host, stirred: asyncio.Event) -> None:
    command = host.command("sh", "-c", _TELL)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=DEVNULL, start_new_session=True)
    assert process.stdout
    try:
        while await process.stdout.read(1 << 16):
            stirred.set()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
