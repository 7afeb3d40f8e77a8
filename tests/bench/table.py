"""How soon a proxy's table knows what was written into the registry: python tests/bench/table.py.

A real etcd with as many instances as a large fleet has; the floor is what the write itself takes its writer.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.beside import heading, percentile, row
from functional.etcd.cluster import running
from waypoint_core import codec
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys
from waypoint_core.model import HostAlive, Instance, InstanceState, InstanceType
from waypoint_core.registry import MAX_OPERATIONS, Put, Synced
from waypoint_core.settings import EtcdSettings
from waypoint_proxy.route import Table

KEYS = Keys("/waypoint/v1/")
HERE = "host0"
PER_HOST = 50
READY = Instance(
    InstanceType.CHROME_BROWSER, InstanceState.READY, endpoints={"cdp": "ws://127.0.0.1:20000/devtools/browser/x"}
)


async def main(settings: EtcdSettings, instances: int, writes: int) -> None:
    table, stirred = Table(KEYS, HERE, "bench"), asyncio.Event()
    async with EtcdRegistry.connect(settings) as writer, EtcdRegistry.connect(settings) as reader:
        await fill(writer, instances)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            synced = asyncio.Event()
            following = group.create_task(follow(reader, table, stirred, synced))
            await synced.wait()
            print(f"{instances} instances listed and folded in {time.perf_counter() - began:.2f} s")
            written, known = [], []
            for number in range(writes):
                instance = f"{HERE}_{number}_fresh"
                began = time.perf_counter()
                await writer.put(KEYS.instance(HERE, instance), codec.encode(READY))
                written.append((time.perf_counter() - began) * 1000)
                while table.living(instance) is None:
                    stirred.clear()
                    await stirred.wait()
                known.append((time.perf_counter() - began) * 1000)
            following.cancel()
    heading()
    row("written until the proxy knows, p50", statistics.median(known), statistics.median(written), "ms")
    row("  the same, p95", percentile(known, 95), percentile(written, 95), "ms")
    print("  (aim: at most 10 ms; reference: until the writer has its answer)")


async def fill(registry: EtcdRegistry, instances: int) -> None:
    """A fleet, as agents would write it."""
    value = codec.encode(READY)
    puts = [
        Put(KEYS.instance(f"host{number // PER_HOST}", f"host{number // PER_HOST}_{number}_x"), value)
        for number in range(instances)
    ]
    puts.append(Put(KEYS.host_alive(HERE), codec.encode(HostAlive(epoch="e", boot_id="b", slots=PER_HOST))))
    for first in range(0, len(puts), MAX_OPERATIONS):
        await registry.transact([], puts[first : first + MAX_OPERATIONS])


async def follow(registry: EtcdRegistry, table: Table, stirred: asyncio.Event, synced: asyncio.Event) -> None:
    """As the proxy does."""
    async with registry.watch(KEYS.prefix) as events:
        async for event in events:
            table.apply(event)
            stirred.set()
            if isinstance(event, Synced):
                synced.set()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=10_000, help="size of the fleet")
    parser.add_argument("--writes", type=int, default=300, help="writes that are measured")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as cluster:
        asyncio.run(main(cluster.settings(), given.instances, given.writes))
