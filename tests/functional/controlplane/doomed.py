"""A control plane that leads in a process of its own and meets its fate at a write that it was told.

    python -m functional.controlplane.doomed ENDPOINT PREFIX NAME SETTINGS WRITE SIGNAL

Sends itself SIGNAL just before its decision number WRITE is written; with SIGSTOP it goes on when it is continued.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from waypoint_controlplane.duty import Duty
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.measure import LeaderMetrics
from waypoint_core import log, service
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys
from waypoint_core.registry import Condition, Operation, Outcome, Put
from waypoint_core.settings import ControlPlaneSettings, EtcdSettings


class Doomed:
    """A registry that passes everything on, up to a point."""

    def __init__(self, registry: EtcdRegistry, keys: Keys, write: int, fate: int) -> None:
        self._registry = registry
        self._own = {keys.leader, keys.tick}
        self._left = write
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        if not any(isinstance(change, Put) and change.key in self._own for change in then):
            if self._left == 0:
                os.kill(os.getpid(), self._fate)
            self._left -= 1
        return await self._registry.transact(conditions, then, otherwise)


async def lead(endpoint: str, prefix: str, name: str, changes: str, write: str, fate: str) -> None:
    keys = Keys(prefix)
    settings = ControlPlaneSettings(name=name, **json.loads(changes))
    async with EtcdRegistry.connect(EtcdSettings(endpoints=(endpoint,))) as registry:
        doomed: Any = Doomed(registry, keys, int(write), signal.Signals[fate])
        follower = Follower(registry, Fleet(keys))
        metrics = LeaderMetrics(CollectorRegistry(), follower.fleet)
        duty = Duty(settings, doomed, follower, keys, probe=never, metrics=metrics)
        async with asyncio.TaskGroup() as group:
            group.create_task(follower.run(), name="follower")
            group.create_task(duty.run(), name="duty")


async def never(status: str) -> bool:
    return False


if __name__ == "__main__":
    log.configure()
    service.run(lead(*sys.argv[1:]))
