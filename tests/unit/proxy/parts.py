"""What tests of claims share: an agent that gives everything, browsers, and a table that was read once."""

from __future__ import annotations

import socket

from prometheus_client import CollectorRegistry

from waypoint_core.codec import encode
from waypoint_core.errors import SessionError
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import HostAlive, Instance, InstanceState, InstanceType
from waypoint_core.registry import Synced
from waypoint_proxy.claim import Claimer
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.route import Table

KEYS = Keys()
ALIVE = encode(HostAlive(epoch="1", boot_id="b", slots=4))
READY = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, 0, endpoints={"cdp": "ws://b/1"})


class Agent:
    """Gives everything, unless told to refuse."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.refusing = False

    def holds(self, instance: str) -> bool:
        return instance in self.held

    async def hold(self, instance: str) -> None:
        if self.refusing:
            raise SessionError(f"cannot hold {instance}: no")
        self.held.append(instance)

    def release(self, instance: str, reason: str) -> None:
        self.held.remove(instance)


async def connect(endpoint: str) -> socket.socket:
    if endpoint == "ws://dead":
        raise SessionError("cannot use the browser")
    return socket.socket()


def claimer_of(registry: MemoryRegistry, table: Table, agent: Agent, proxy: str = "p1") -> Claimer:
    return Claimer(registry, KEYS, table, agent, connect=connect, proxy=proxy, metrics=Metrics(CollectorRegistry()))


async def populated(registry: MemoryRegistry, *names: str, record: Instance = READY) -> Table:
    await registry.put(KEYS.host_alive("here"), ALIVE)
    for name in names:
        await registry.put(KEYS.instance("here", name), encode(record))
    table = Table(KEYS, "here", "p1")
    await read(registry, table)
    return table


async def read(registry: MemoryRegistry, table: Table) -> None:
    """Tell the table what is there now."""
    async with registry.watch(KEYS.prefix) as events:
        async for event in events:
            table.apply(event)
            if isinstance(event, Synced):
                return
