"""Control planes that do nothing but lead: in this process, and in processes that are killed or frozen at a write."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from functional.etcd.cluster import Cluster
from functional.said import Said
from waypoint_controlplane.duty import Duty
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.measure import LeaderMetrics
from waypoint_controlplane.observe import Ask
from waypoint_core.codec import encode
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys
from waypoint_core.model import HostAlive
from waypoint_core.registry import Put, Registry, Removed, Synced, Written
from waypoint_core.settings import ControlPlaneSettings

TESTS = Path(__file__).parents[2]

QUICK = ControlPlaneSettings(
    lease_ttl=2, beat_grace=0.5, host_grace=0.5, probe_timeout=0.5, eviction_interval=0.2, flap_window=60
)
"""As short as etcd's leases allow."""


async def nobody_answers(status: str) -> bool:
    return False


@dataclass
class History:
    """What was written below a prefix since the history began, change by change.

    What may be gone again before a test looks is in `ever`, the last value of each key, and in `leaders`.
    """

    puts: Counter[str] = field(default_factory=Counter)
    there: dict[str, bytes] = field(default_factory=dict)
    ever: dict[str, bytes] = field(default_factory=dict)
    leaders: list[bytes] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def follow(self, registry: Registry, keys: Keys, listed: asyncio.Event) -> None:
        async with registry.watch(keys.prefix) as events:
            async for event in events:
                async with self.changed:
                    match event:
                        case Written(entry):
                            key = entry.key.removeprefix(keys.prefix)
                            self.puts[key] += 1
                            self.there[key] = self.ever[key] = entry.value
                            if entry.key == keys.leader:
                                self.leaders.append(entry.value)
                        case Removed(key):
                            del self.there[key.removeprefix(keys.prefix)]
                        case Synced():
                            listed.set()
                    self.changed.notify_all()

    async def until(self, holds: Callable[[dict[str, bytes]], bool], seconds: float = 30) -> None:
        """Returns once what is there is so."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(lambda: holds(self.there))

    async def until_led_by(self, name: str) -> None:
        """Returns once it was elected, no earlier than whoever was waited for before."""
        mark = f'"name":"{name}"'.encode()
        await self.until(lambda _: any(mark in leader for leader in self.leaders))
        while mark not in self.leaders[0]:
            del self.leaders[0]


class Doomed:
    """The process of a control plane that is to meet its fate; see `functional.controlplane.doomed`."""

    def __init__(self, endpoint: str, keys: Keys, write: int, fate: signal.Signals) -> None:
        changed = {name: value for name, value in asdict(QUICK).items() if name != "name"}
        command = [sys.executable, "-m", "functional.controlplane.doomed", endpoint, keys.prefix, "doomed"]
        self.process = subprocess.Popen(
            [*command, json.dumps(changed), str(write), fate.name],
            cwd=TESTS,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self.process.stdout
        self._said = Said(self.process.stdout)

    async def said(self, words: str) -> None:
        """Returns once it has logged these words."""
        await self._said.comes(re.escape(words), 30)

    def go_on(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Stage:
    """Starts leaders, and ends them with the test."""

    def __init__(self, etcd: Cluster, registry: EtcdRegistry, tasks: TaskOwner) -> None:
        self._etcd = etcd
        self._registry = registry
        self._tasks = tasks
        self._doomed: list[Doomed] = []

    @classmethod
    async def on(cls, etcd: Cluster, registry: EtcdRegistry) -> AsyncIterator[Stage]:
        async with TaskOwner() as tasks:
            stage = cls(etcd, registry, tasks)
            try:
                yield stage
            finally:
                for doomed in stage._doomed:
                    doomed.end()

    async def history(self, keys: Keys) -> History:
        """Everything that is written below the prefix from now on."""
        history, listed = History(), asyncio.Event()
        self._tasks.start(history.follow(self._registry, keys, listed), name=f"history {keys.prefix}")
        await listed.wait()
        return history

    async def write(self, keys: Keys, records: dict[str, Any]) -> None:
        """All in one transaction."""
        changes = [Put(keys.prefix + key, encode(record)) for key, record in records.items()]
        await self._registry.transact([], changes)

    async def nothing_more(self, keys: Keys, history: History) -> None:
        """A leader that notes a host which came later has decided all that there was to decide before."""
        await self.write(keys, {"hosts/later/alive": HostAlive("e", "b", 4)})
        await history.until(lambda there: "cp/hosts/later" in there)

    def doomed(self, keys: Keys, write: int, fate: signal.Signals) -> Doomed:
        doomed = Doomed(self._etcd.endpoints[0], keys, write, fate)
        self._doomed.append(doomed)
        return doomed

    def lead(
        self,
        keys: Keys,
        name: str,
        *,
        through: Registry | None = None,
        probe: Ask = nobody_answers,
        **changes: Any,
    ) -> Leading:
        """A control plane in this process."""
        registry = through or self._registry
        follower = Follower(registry, Fleet(keys))
        metrics = CollectorRegistry()
        settings = replace(QUICK, name=name, **changes)
        duty = Duty(
            settings,
            registry,
            follower,
            keys,
            probe=probe,
            metrics=LeaderMetrics(metrics, follower.fleet),
        )
        tasks = (
            self._tasks.start(follower.run(), name=f"follower {name}"),
            self._tasks.start(duty.run(), name=f"duty {name}"),
        )
        return Leading(duty, follower, metrics, tasks)


@dataclass
class Leading:
    """A control plane in this process."""

    duty: Duty
    follower: Follower
    metrics: CollectorRegistry
    tasks: tuple[asyncio.Task[None], ...]

    async def stop(self) -> None:
        """As SIGTERM does."""
        for task in reversed(self.tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def shows(self, value: float, name: str, **labels: str) -> None:
        """Returns once this sample has this value: the test's watch may be ahead of what it knows."""
        async with asyncio.timeout(20):
            await self.follower.until(lambda: self.metrics.get_sample_value(name, labels) == value)
