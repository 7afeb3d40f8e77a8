"""waypoint-agent: where its parts are put together."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from pathlib import Path

from prometheus_client import CollectorRegistry

from waypoint_agent import endpoint, health, holds
from waypoint_agent.broker.client import Broker
from waypoint_agent.cgroups import Cgroups
from waypoint_agent.desired import DesiredWatch, most_slots
from waypoint_agent.executor import Executor, Probe
from waypoint_agent.gauges import Gauges
from waypoint_agent.generations import Generations
from waypoint_agent.keyset import Keyset
from waypoint_agent.launch import Launches
from waypoint_agent.manager import UnitManager
from waypoint_agent.metrics import Metrics
from waypoint_agent.pool import Pool
from waypoint_agent.publish import Publisher
from waypoint_agent.systemd import SystemdManager
from waypoint_core import config, service
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.metrics import EtcdMetrics
from waypoint_core.flags import check_flags
from waypoint_core.keys import Keys, check_host_name
from waypoint_core.log import configure
from waypoint_core.metrics import fresh
from waypoint_core.registry import Registry
from waypoint_core.settings import Settings

log = logging.getLogger("waypoint.agent")


class Agent:
    """All parts of one host's agent, on a registry and a unit manager of the caller's."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        manager: UnitManager,
        *,
        slots: Path,
        state: Path,
        metrics: CollectorRegistry,
        probe: Probe = health.probe,
    ) -> None:
        host = check_host_name(settings.host.name)
        check_flags(settings.agent.browser_flags)
        keys = Keys(settings.etcd.prefix)
        launches = Launches(slots)
        clock = time.monotonic
        self._settings = settings
        self._manager = manager
        self.generations = Generations(state)
        self.pool = Pool(
            host,
            launches,
            self.generations,
            clock,
            self._changed,
            metrics=Metrics(metrics),
            backoff_max=settings.agent.backoff_max,
        )
        most = most_slots(settings.agent)
        self.desired = DesiredWatch(registry, keys, host, clock, self._changed, most_slots=most)
        self.keyset = Keyset(settings, keys, self.pool, self.desired.now, self._changed)
        self.publisher = Publisher(registry, keys, host, settings.etcd.lease_ttl, self.keyset.wanted)
        self.executor = Executor(
            settings=settings.agent,
            manager=manager,
            pool=self.pool,
            launches=launches,
            desired=self.desired.now,
            publisher=self.publisher,
            clock=clock,
            probe=probe,
        )
        metrics.register(Gauges(self.pool, self.desired.now, slots=self._slots, clock=clock, cgroups=Cgroups()))
        self._listed = asyncio.Event()
        self._turns_seen = -1

    async def run(self, supervisor: service.Supervisor, passed: dict[str, list[socket.socket]]) -> None:
        """Run for ever. The hold socket opens, and keys are written, once systemd has told what is running."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._manager.follow(self.pool.observe), name="systemd")
            group.create_task(self.desired.follow_host(), name="desired host")
            group.create_task(self.desired.follow_kills(), name="kill requests")
            group.create_task(self.desired.follow_claims(), name="claims")
            group.create_task(self.generations.keep(), name="generations")
            group.create_task(self.executor.run(), name="reconcile")
            group.create_task(supervisor.feed_watchdog(self._progressing), name="watchdog")
            await self._listed.wait()
            group.create_task(self.publisher.run(), name="publish")
            group.create_task(self.keyset.keep_summary(), name="summary")
            async with holds.serve(self.pool, passed.get("hold", []), self._settings.host.hold_socket):
                supervisor.ready(f"{self._settings.agent.slots} slots")
                await asyncio.Event().wait()

    def _slots(self) -> int:
        return self.desired.now.slots(self._settings.agent.slots)

    def _changed(self) -> None:
        if self.pool.listed:
            self._listed.set()
        self.executor.poke()
        self.publisher.poke()

    def _progressing(self) -> bool:
        turns, self._turns_seen = self._turns_seen, self.executor.turns
        return turns != self._turns_seen


async def serve(settings: Settings) -> None:
    """Run the agent on this host's systemd and the fleet's etcd until cancelled."""
    passed = service.passed_sockets()
    supervisor = service.Supervisor()
    state = Path(os.environ.get("STATE_DIRECTORY", "/var/lib/waypoint-agent"))
    slots = Path(settings.host.hold_socket).parent / "slots"
    metrics = fresh("agent")
    async with EtcdRegistry.connect(settings.etcd, EtcdMetrics(metrics)) as registry:
        try:
            manager = SystemdManager(Broker(settings.agent.broker_socket))
            agent = Agent(settings, registry, manager, slots=slots, state=state, metrics=metrics)
            async with asyncio.TaskGroup() as group:
                group.create_task(endpoint.serve(settings, metrics, agent.keyset.advertise), name="status endpoint")
                group.create_task(agent.run(supervisor, passed), name="agent")
        finally:
            supervisor.stopping()


def _run(settings: Settings) -> None:
    configure(settings.log.level)
    service.run(serve(settings))


def main() -> None:
    """The command."""
    config.daemon_command("waypoint-agent", _run)()
