"""A booted host whose only gateway is the test."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from system.news import PATIENCE, eventually
from waypoint_core.hold import Held, Hold, Lines, Message, encode
from waypoint_lab import Host, cgroups
from waypoint_lab.process import end

SLOTS = 2
PROXY = {"waypoint-proxy.service", "waypoint-proxy.socket", "waypoint-proxy-tzafonwright.socket"}


class Gateway:
    """A connection to the agent's hold socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lines = Lines()
        self._heard: list[Message] = []

    async def ask(self, message: Message) -> Message | None:
        """Say it and wait for the next message."""
        self.say(message)
        return await self.hears()

    def say(self, message: Message) -> None:
        self._writer.write(encode(message))

    async def hears(self, seconds: float = PATIENCE) -> Message | None:
        """The next message; None when the agent is gone."""
        async with asyncio.timeout(seconds):
            while not self._heard:
                data = await self._reader.read(4096)
                if not data:
                    return None
                self._heard = self._lines.feed(data)
        return self._heard.pop(0)

    def leave(self) -> None:
        self._writer.close()


class RunningAgent:
    """The agent of a booted host, and what it manages."""

    def __init__(self, host: Host) -> None:
        self.host = host

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        # Below the host's own /run, which this machine's overlay does not show.
        path = f"/proc/{self.host.pid1}/root/run/waypoint/hold.sock"
        gateway = Gateway(*await asyncio.open_unix_connection(path))
        try:
            yield gateway
        finally:
            gateway.leave()

    @asynccontextmanager
    async def session(self, slot: int) -> AsyncIterator[tuple[Gateway, str]]:
        """Holds the slot's browser."""
        instance = self.instances()[slot]["id"]
        async with self.gateway() as gateway:
            assert await gateway.ask(Hold(instance, "s")) == Held(instance)
            yield gateway, instance

    def instances(self) -> dict[int, dict[str, Any]]:
        """The host's ready instances in etcd, by slot."""
        prefix = f"/waypoint/v1/inst/{self.host.name}/"
        lines = self.host.run("etcdctl", "get", "--prefix", prefix).stdout.splitlines()
        found = [
            {**json.loads(value), "id": key.removeprefix(prefix)}
            for key, value in zip(lines[::2], lines[1::2], strict=True)
        ]
        return {it["slot"]: it for it in found if it["state"] == "ready"}

    async def ready(self, slots: int = SLOTS) -> dict[int, dict[str, Any]]:
        """The instances once so many slots are ready."""
        await eventually(lambda: len(self.instances()) == slots)
        return self.instances()

    async def replaced(self, slot: int, instance: str) -> None:
        """Wait until another instance is ready in the slot."""
        await eventually(lambda: self.instances().get(slot, {}).get("id", instance) != instance)

    def main_pid(self, slot: int) -> int:
        return int(self.show(slot, "MainPID"))

    def pids(self, slot: int) -> list[int]:
        """The processes in a slot's unit, by the host's pids."""
        folder = self.show(slot, "ControlGroup")
        return [
            int(pid)
            for pid in self.host.run("sh", "-c", f"cat /sys/fs/cgroup/*{folder}/cgroup.procs | sort -u").stdout.split()
        ]

    async def gone(self, pids: Iterable[int]) -> None:
        """Returns once these processes, by the host's pids, have ended."""
        numbers = {_inside(pid): pid for pid in cgroups.processes(self.host.name)}
        outside = [numbers[pid] for pid in pids if pid in numbers]
        assert await asyncio.to_thread(end, outside, 0, PATIENCE), f"not all have ended after {PATIENCE} s"

    def show(self, slot: int, name: str) -> str:
        return self.host.run("systemctl", "show", "-P", name, f"waypoint-browser@{slot}").stdout.strip()

    def status(self, pid: int, name: str) -> str:
        """A line of /proc/<pid>/status."""
        found = re.search(rf"^{name}:\s*(.*)$", self.host.run("cat", f"/proc/{pid}/status").stdout, re.MULTILINE)
        assert found
        return found[1]


def _inside(pid: int) -> int:
    """How the host that it runs on numbers a process; 0 when it is gone."""
    with suppress(OSError):
        found = re.search(r"^NSpid:.*\t(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return int(found[1]) if found else 0
    return 0


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    settings = {"agent.claim_timeout": 10.0, "agent.probe_interval": 1.0, "agent.probe_timeout": 10.0}
    with Host.boot("agent-tests", slots=SLOTS, settings=settings, without=PROXY) as running:
        yield running


@pytest.fixture
async def agent(host: Host) -> RunningAgent:
    """With every slot ready and nothing claimed."""
    host.run("etcdctl", "del", "--prefix", "/waypoint/v1/claims/")
    running = RunningAgent(host)
    await running.ready()
    return running
