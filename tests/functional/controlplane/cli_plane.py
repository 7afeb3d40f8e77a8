"""A control plane as its unit starts it, and a host of its fleet that is nothing but records in etcd."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from functional.etcd.cluster import Cluster, free_ports
from waypoint_core.codec import decode, encode
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import Claim, HostAlive, HostSummary, Instance, InstanceState, InstanceType
from waypoint_core.registry import Registry

HOST = "h1"
FREE, BUSY = (browser_id(HOST, slot, f"{slot:032x}") for slot in (0, 1))
_DAEMON = (sys.executable, "-c", "from waypoint_controlplane.daemon import main; main()")


@contextmanager
def control_plane(etcd: Cluster, keys: Keys, directory: Path) -> Iterator[str]:
    """It runs while the body does; its gRPC address."""
    grpc, status = (f"127.0.0.1:{port}" for port in free_ports(2))
    environment = {
        **os.environ,
        "WAYPOINT_ETCD_ENDPOINTS": ",".join(etcd.endpoints),
        "WAYPOINT_ETCD_PREFIX": keys.prefix,
        "WAYPOINT_ETCD_ATTEMPT_TIMEOUT": "6",
        "WAYPOINT_CONTROLPLANE_NAME": "cp1",
        "WAYPOINT_CONTROLPLANE_LISTEN": grpc,
        "WAYPOINT_CONTROLPLANE_STATUS_LISTEN": status,
        "WAYPOINT_CONTROLPLANE_LEASE_TTL": "2",
    }
    with (directory / "controlplane.log").open("wb") as log:
        process = subprocess.Popen(_DAEMON, env=environment, stdout=log, stderr=log)
    try:
        yield grpc
    finally:
        process.terminate()
        process.wait()


async def populate(registry: Registry, keys: Keys) -> None:
    """A host with two browsers, of which a client uses one; it lives while the registry is connected."""
    lease = (await registry.lease(20)).id
    alive = HostAlive(epoch="e1", boot_id="b00t", slots=2, labels={"zone": "a"})
    summary = HostSummary(load1=0.5, memory_total=8 << 30, memory_available=6 << 30)
    await registry.put(keys.host_alive(HOST), encode(alive), lease=lease)
    await registry.put(keys.host_summary(HOST), encode(summary), lease=lease)
    for slot, instance in enumerate((FREE, BUSY)):
        record = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, slot=slot, generation=1, since=1.0)
        await registry.put(keys.instance(HOST, instance), encode(record), lease=lease)
    await registry.put(keys.claim(BUSY), encode(Claim(proxy=HOST, request="r1", session="s1")))


async def close(registry: Registry, keys: Keys) -> None:
    """As the host's agent does it when it learns that the host is cordoned."""
    for entry in (await registry.list(keys.host_instances(HOST))).entries:
        closed = replace(decode(Instance, entry.value, entry.key), open=False)
        await registry.put(entry.key, encode(closed), lease=entry.lease)
