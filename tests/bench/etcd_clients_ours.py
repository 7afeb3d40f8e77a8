"""Drives our client for etcd_clients.py: SCENARIO ENDPOINT..., JSON lines out."""

import asyncio
import json
import statistics
import sys
import threading
import time

from waypoint_core.errors import RegistryError
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.methods import LEASE_KEEP_ALIVE, RANGE
from waypoint_core.registry import Written
from waypoint_core.settings import EtcdSettings

PUTS = 1_000
RENEWALS = 200


def tell(what: object) -> None:
    print(json.dumps(what), flush=True)


alive: list[int] = []
"""How many threads there were, each time that one had been started."""
start = threading.Thread.start


def counted(thread: threading.Thread) -> None:
    start(thread)
    alive.append(threading.active_count())


async def watch(settings: EtcdSettings) -> None:
    """Tells its events; each line in is answered with how many threads were started so far, and there were at once."""
    threading.Thread.start = counted  # type: ignore[method-assign]
    async with EtcdRegistry.connect(settings) as registry, asyncio.TaskGroup() as group:
        group.create_task(count())
        async with registry.watch("/w/") as events:
            tell("ready")
            async for event in events:
                if isinstance(event, Written):
                    tell("event")


async def count() -> None:
    while await asyncio.to_thread(sys.stdin.readline):
        tell([len(alive), max(alive, default=threading.active_count())])


async def get(settings: EtcdSettings) -> None:
    """Answers each line with the member that answered a read, or null."""
    async with Endpoints.open(settings) as endpoints:
        while await asyncio.to_thread(sys.stdin.readline):
            try:
                await endpoints.call(RANGE, pb.RangeRequest(key=b"/a"), idempotent=True)
                tell(endpoints.current.address)
            except RegistryError:
                tell(None)


async def speed(settings: EtcdSettings) -> None:
    async with EtcdRegistry.connect(settings) as registry, Endpoints.open(settings) as endpoints:
        for _ in range(100):
            await registry.put("/a", b"x")
        times = []
        for _ in range(PUTS):
            began = time.perf_counter()
            await registry.put("/a", b"x")
            times.append(time.perf_counter() - began)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(16):
                group.create_task(puts(registry, number))
        rate = 16 * PUTS / 8 / (time.perf_counter() - began)
        leases = [await registry.lease(60) for _ in range(RENEWALS)]
        began = time.perf_counter()
        for lease in leases:
            await endpoints.call(LEASE_KEEP_ALIVE, pb.LeaseKeepAliveRequest(ID=lease.id), idempotent=True)
        renewals = RENEWALS / (time.perf_counter() - began)
    quantiles = statistics.quantiles(times, n=100)
    tell({"p50": quantiles[49] * 1e3, "p99": quantiles[98] * 1e3, "puts": rate, "renewals": renewals})


async def puts(registry: EtcdRegistry, number: int) -> None:
    for _ in range(PUTS // 8):
        await registry.put(f"/{number}", b"x")


if __name__ == "__main__":
    scenario, *endpoints = sys.argv[1:]
    asyncio.run({"watch": watch, "get": get, "speed": speed}[scenario](EtcdSettings(endpoints=tuple(endpoints))))
