"""What etcd shows of one host: the keys that are documented, and nothing else."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from system import registry_reader
from system.cdp import session
from system.fleet import KEYS, RESERVE, SLOTS, Fleet
from system.news import eventually
from waypoint_core import codec
from waypoint_core.keys import REGISTERED
from waypoint_core.model import (
    Claim,
    HostAlive,
    HostSummary,
    Instance,
    KnownHost,
    Leader,
    Member,
    ProxyAlive,
    Tick,
)

IDLE = 20


async def test_keys(fleet: Fleet) -> None:
    host, running = fleet.host.name, fleet.browsers()
    claimed = fleet.claims()
    assert len(running) == SLOTS
    assert len(claimed) == RESERVE
    expected = {
        KEYS.host_alive(host): HostAlive,
        KEYS.host_summary(host): HostSummary,
        KEYS.proxy(host): ProxyAlive,
        KEYS.leader: Leader,
        KEYS.tick: Tick,
        KEYS.member(host): Member,
        KEYS.known_host(host): KnownHost,
        **{KEYS.instance(host, instance): Instance for instance in running},
        **{KEYS.claim(instance): Claim for instance in claimed},
    }
    await eventually(lambda: KEYS.known_host(host) in fleet.entries(), 60)  # a new leader acts after a while
    entries = {key: entry for key, entry in fleet.entries().items() if not of_somebody_else(key)}
    assert entries.keys() == expected.keys()
    for key, kind in expected.items():
        codec.decode(kind, entries[key].value, key)


def of_somebody_else(key: str) -> bool:
    """What registered itself in other tests, and its heartbeats."""
    return key.startswith(KEYS.beats) or REGISTERED in key.split("/")


async def test_leases(fleet: Fleet) -> None:
    """The host's keys go with its agent, the proxy's with the proxy; a claim stays until somebody removes it."""
    host = fleet.host.name
    lease = {key: entry.lease for key, entry in fleet.entries().items()}
    ours = {lease[KEYS.host_alive(host)], lease[KEYS.host_summary(host)]}
    ours |= {lease[key] for key in lease if key.startswith(KEYS.host_instances(host))}
    assert len(ours) == 1
    assert 0 not in ours
    assert lease[KEYS.proxy(host)] not in {0, *ours}
    assert {lease[key] for key in lease if key.startswith(KEYS.claims)} == {0}
    assert lease[KEYS.leader] not in {0, *ours, lease[KEYS.proxy(host)]}


async def test_instances(fleet: Fleet) -> None:
    """Each is what systemd runs: the endpoint answers, slot and InvocationID are the unit's."""
    for instance, shown in fleet.instances().items():
        host, slot, invocation = instance.split("_")
        assert (host, shown.slot, shown.invocation) == (fleet.host.name, int(slot), invocation)
        unit = f"waypoint-browser@{slot}.service"
        assert (
            fleet.host.run("systemctl", "show", "--value", "--property=InvocationID", unit).stdout.strip() == invocation
        )
        _, _, authority, path = shown.endpoints["cdp"].split("/", 3)
        version = json.loads(fleet.host.run("curl", "-sf", f"http://{authority}/json/version").stdout)
        assert version["webSocketDebuggerUrl"] == shown.endpoints["cdp"]
        assert path.startswith("devtools/browser/")


async def test_a_session_in_the_picture(fleet: Fleet) -> None:
    async with session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
        generation = fleet.instances()[instance].generation
        assert fleet.claims()[instance].proxy == fleet.host.name
        await fleet.whole(sessions=1)
    await fleet.whole()
    assert instance not in fleet.claims()
    (successor,) = [life for life in fleet.instances().values() if life.slot == int(instance.split("_")[1])]
    assert successor.generation == generation + 1


async def test_idle_fleet_hardly_writes(fleet: Fleet) -> None:
    watch = ("timeout", str(IDLE), "etcdctl", "watch", "", "--prefix", "--write-out=json")
    answers = fleet.host.run(*watch, check=False).stdout.splitlines()
    events: list[Any] = [event for answer in answers for event in json.loads(answer)["Events"]]
    assert len(events) < IDLE, events


@pytest.fixture(scope="session")
def reader() -> Path:
    """The published etcd3 package, in an environment of its own, which is made when it is missing."""
    return registry_reader.python()


def test_etcd3_reads_the_same_picture(fleet: Fleet, reader: Path) -> None:
    argv = [str(reader), registry_reader.__file__, f"http://{fleet.host.address}:2379"]
    keys, seen = set[str](), set[str]()
    while keys != (keys := set(fleet.entries())):  # until none comes or goes meanwhile
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        seen = set(json.loads(done.stdout))
    assert seen == keys
