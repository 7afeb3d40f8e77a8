"""Sessions in the hands of processes of their own, which can be killed and frozen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from system.fleet import Fleet
from waypoint_lab.process import end

HOLDER = Path(__file__).with_name("holder.py")


@dataclass(frozen=True, slots=True)
class Held:
    """A session in the hands of a process of its own."""

    client: subprocess.Popen[str]
    instance: str
    processes: set[int]

    async def gone(self, within: float) -> float:
        """Wait until nothing of its browser runs; the seconds it took, AssertionError after `within`."""
        began = time.monotonic()
        assert await asyncio.to_thread(end, self.processes, 0, within), f"{self.instance} lives on after {within} s"
        return time.monotonic() - began


@contextmanager
def held(fleet: Fleet, manner: str = "ponging") -> Iterator[Held]:
    argv = [sys.executable, str(HOLDER), fleet.host.address, manner]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout is not None
            instance = fleet.instance_of(int(client.stdout.readline()))
            processes = fleet.processes_of(instance)
            assert len(processes) > 1
            yield Held(client, instance, processes)
        finally:
            client.kill()
