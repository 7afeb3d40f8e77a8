"""waypointctl against a control plane and an etcd as they run in a fleet."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from functional.controlplane.cli_plane import BUSY, FREE, HOST, close, control_plane, populate
from functional.controlplane.cli_running import PROGRAM, variables, waypointctl
from functional.etcd.cluster import Cluster
from waypoint_core.codec import decode
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys
from waypoint_core.model import DesiredHost, KillRequest


class Ctl:
    """Commands to one control plane."""

    def __init__(self, server: str) -> None:
        self.server = server

    async def __call__(self, *words: str) -> tuple[int, str, str]:
        done = await asyncio.to_thread(waypointctl, *words, servers=self.server)
        return done.returncode, done.stdout, done.stderr

    async def says(self, *words: str) -> str:
        code, said, complaint = await self(*words)
        assert code == 0, complaint
        return said

    async def json(self, *words: str) -> Any:
        return json.loads(await self.says(*words, "-o", "json"))


@pytest.fixture
async def ctl(shared_etcd: Cluster, registry: EtcdRegistry, keys: Keys, tmp_path: Path) -> AsyncIterator[Ctl]:
    await populate(registry, keys)
    with control_plane(shared_etcd, keys, tmp_path) as server:
        ctl = Ctl(f"{server},{server}")  # of which each has 3 s to say that it serves
        code, said, complaint = await ctl("status", "--wait-leader", "--timeout", "40s", "-o", "json")
        assert code == 0, complaint + (tmp_path / "controlplane.log").read_text()
        assert json.loads(said)["leader"] == "cp1"
        yield ctl


async def desired(registry: EtcdRegistry, keys: Keys) -> DesiredHost:
    entry = await registry.get(keys.desired_host(HOST))
    if entry is None:
        return DesiredHost()
    return decode(DesiredHost, entry.value, entry.key)


async def test_looking(ctl: Ctl) -> None:
    (host,) = (await ctl.json("get", "hosts"))["items"]
    assert (host["name"], host["state"], host["slots"]) == (HOST, "HOST_STATE_READY", 2)
    assert (host["ready"], host["claimed"], host["labels"]) == (1, 1, {"zone": "a"})
    assert (await ctl.json("get", "hosts", "--label", "zone=b"))["items"] == []
    instances = {each["id"]: each["state"] for each in (await ctl.json("get", "instances"))["items"]}
    assert instances == {FREE: "INSTANCE_STATE_READY", BUSY: "INSTANCE_STATE_CLAIMED"}
    assert f"Claimed by:  {HOST} (cdp)" in await ctl.says("describe", "instance", BUSY)
    assert "TakesSessions   yes     1 of 2 browsers are nobody's" in await ctl.says("describe", "host", HOST)
    assert "2.0GiB/8.0GiB" in await ctl.says("top")
    assert (await ctl.json("get", "bindings"))["items"] == []


async def test_acting_on_a_host(ctl: Ctl, registry: EtcdRegistry, keys: Keys) -> None:
    assert await ctl.says("cordon", HOST, "--reason", "disk") == f"host {HOST} is cordoned\n"
    wanted = await desired(registry, keys)
    assert (wanted.cordon, wanted.reason) == (True, "disk")
    assert "cordoned" in await ctl.says("get", "hosts")
    assert "cordoned" in await ctl.says("events")
    await ctl.says("uncordon", HOST)
    assert not (await desired(registry, keys)).cordon
    await ctl.says("scale", HOST, "7")
    await ctl.says("label", HOST, "rack=3")
    await ctl.says("flags", HOST, "--set", "--mute-audio")
    wanted = await desired(registry, keys)
    assert (wanted.slots, wanted.labels, wanted.browser_flags) == (7, {"rack": "3"}, ("--mute-audio",))
    await ctl.says("scale", HOST, "default")
    await ctl.says("label", HOST, "rack-")
    await ctl.says("flags", HOST, "--clear")
    entry = await registry.get(keys.desired_host(HOST))
    assert entry is None or decode(DesiredHost, entry.value, entry.key) in (
        DesiredHost(),
        await desired(registry, keys),
    )


async def test_drain(ctl: Ctl, registry: EtcdRegistry, keys: Keys) -> None:
    """Without a deadline nobody is cut; it ends with the last session."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM, "drain", HOST, "--reason", "kernel", env=variables(ctl.server), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    assert await process.stdout.readline() == f"host {HOST}: 1 session left, no deadline\n".encode()
    assert "draining" in await ctl.says("get", "hosts") or "cordoned" in await ctl.says("get", "hosts")
    await close(registry, keys)
    await registry.delete(keys.claim(BUSY))
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert said.decode().splitlines()[-1].startswith(f"host {HOST} is drained")
    assert await registry.get(keys.desired_instance(HOST, BUSY)) is None


async def test_drain_with_a_deadline(ctl: Ctl, registry: EtcdRegistry, keys: Keys) -> None:
    """At the deadline what is left is to be ended; watching it can be taken up again."""
    assert "1 session left, ended at" in await ctl.says("drain", HOST, "--deadline", "2s", "--no-wait")
    await close(registry, keys)
    async with asyncio.timeout(30), registry.watch(keys.desired_instances(HOST)) as events:
        async for _ in events:
            if await registry.get(keys.desired_instance(HOST, BUSY)):
                break
    await registry.delete(keys.claim(BUSY))
    assert "is drained" in await ctl.says("drain", HOST)


async def test_kill(ctl: Ctl, registry: EtcdRegistry, keys: Keys) -> None:
    assert await ctl.says("kill", BUSY, "--reason", "ran away") == f"instance {BUSY} is being ended\n"
    entry = await registry.get(keys.desired_instance(HOST, BUSY))
    assert entry
    assert decode(KillRequest, entry.value, entry.key).reason == "ran away"
    code, _, complaint = await ctl("kill", BUSY, "--reason", "again")
    assert (code, complaint.startswith("waypointctl: cannot ")) == (5, True)


async def test_freeze(ctl: Ctl) -> None:
    await ctl.says("freeze", "--reason", "racks")
    said = await ctl.says("status")
    assert "Remediation:  frozen by " in said
    assert ": racks" in said
    await ctl.says("unfreeze")
    assert "Remediation:  on" in await ctl.says("status")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["describe", "host", "h9"], 3),
        (["describe", "instance", "nothing"], 3),
        (["cordon", "h9"], 3),
        (["drain", "h9"], 3),
        (["logs", "h9"], 3),
        (["kill", "nothing", "--reason", "x"], 3),
        (["connect", "--host", HOST], 5),
        (["connect", "--label", "zone=nowhere"], 5),
    ],
)
async def test_refusals(ctl: Ctl, words: list[str], code: int) -> None:
    """Nothing of the kind, or no proxy that could serve a session."""
    ended, _, complaint = await ctl(*words)
    assert (ended, complaint.startswith("waypointctl: cannot ")) == (code, True), complaint
