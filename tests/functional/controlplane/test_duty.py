"""Leading on a real etcd, when hosts, leaders, answers or etcd itself are lost."""

import asyncio
import itertools
import json
import signal
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from functional.controlplane.leading import QUICK, History, Stage
from functional.etcd.cluster import Cluster, running
from functional.etcd.following import ran_out, reachable
from waypoint_controlplane.observe import healthz
from waypoint_core.codec import encode
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys
from waypoint_core.model import (
    Beat,
    Binding,
    Freeze,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
    KnownHost,
)
from waypoint_core.registry import Condition, Operation, Outcome
from waypoint_core.status.client import StatusClient

AGENT = Instance(InstanceType.AGENT, InstanceState.READY)
HOSTS = [f"h{number}" for number in range(4)]


async def boot(registry: EtcdRegistry, keys: Keys, hosts: Sequence[str]) -> int:
    """Hosts that are alive, all under one lease that nobody renews."""
    lease = await registry.grant(60)
    for host in hosts:
        await registry.put(keys.host_alive(host), encode(HostAlive("e", "b", 1)), lease=lease)
    return lease


async def lose(registry: EtcdRegistry, keys: Keys, hosts: Sequence[str]) -> None:
    for host in hosts:
        await registry.delete(keys.host_alive(host))


def states(there: dict[str, bytes]) -> list[str]:
    return [json.loads(there.get(f"cp/hosts/{host}", b'{"state": ""}'))["state"] for host in HOSTS]


def all_are(state: str) -> Any:
    return lambda there: set(states(there)) == {state}


async def test_mass_loss_during_failover(stage: Stage, keys: Keys, registry: EtcdRegistry) -> None:
    """Leader and all hosts are lost at once: the next leader freezes. Overridden, it evicts one by one; then all
    come back, and the override goes."""
    history = await stage.history(keys)
    doomed = stage.doomed(keys, 99, signal.SIGKILL)
    await history.until_led_by("doomed")
    await boot(registry, keys, HOSTS)
    await history.until(all_are("ready"))
    doomed.end()
    await lose(registry, keys, HOSTS)
    leading = stage.lead(keys, "second")
    await history.until(lambda there: "cp/freeze" in there)
    freeze = json.loads(history.there["cp/freeze"])
    assert freeze["by"] == "remediation"
    assert freeze["reason"] == "4 of 4 hosts have lost their leases at one time: h0, h1, h2 and 1 more"
    await leading.shows(1, "waypoint_controlplane_frozen")
    await history.until(all_are("suspect"))
    await ran_out(registry, 4 * QUICK.host_grace)
    await stage.nothing_more(keys, history)
    assert set(states(history.there)) == {"suspect"}

    began = time.monotonic()
    await registry.put(keys.freeze, encode(Freeze(frozen=False, by="ann")))
    await history.until(all_are("gone"))
    assert time.monotonic() - began >= 3 * QUICK.eviction_interval
    await leading.shows(4, "waypoint_controlplane_hosts", state="gone")

    await boot(registry, keys, HOSTS)
    await history.until(all_are("ready"))
    await history.until(lambda there: "cp/freeze" not in there)


class Forgetful:
    """A registry that does everything, and loses every other answer to a write."""

    def __init__(self, registry: EtcdRegistry) -> None:
        self._registry = registry
        self._count = itertools.count()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        outcome = await self._registry.transact(conditions, then, otherwise)
        if next(self._count) % 2 == 0:
            raise RegistryUnavailable("cannot tell: the answer was lost")
        return outcome


async def test_lost_answers(stage: Stage, keys: Keys, registry: EtcdRegistry) -> None:
    history = await stage.history(keys)
    forgetful: Any = Forgetful(registry)
    stage.lead(keys, "cp", through=forgetful)
    children = [f"c{number}" for number in range(6)]
    await stage.write(
        keys,
        {
            "desired/inst/_/p": KillRequest("asked for"),
            **{f"inst/_/{name}": AGENT for name in ("p", *children)},
            **{f"beats/{name}": Beat() for name in children},
            **{f"bindings/p/{name}": Binding() for name in children[:3]},
            **{f"bindings/c0/{name}": Binding() for name in children[3:]},
        },
    )
    await history.until(lambda there: all(f"desired/inst/_/{name}" in there for name in children), 60)
    await history.until(lambda there: not any(key.startswith("bindings/") for key in there))
    assert {name: history.puts[f"desired/inst/_/{name}"] for name in children} == dict.fromkeys(children, 1)


async def test_a_heartbeat_that_ends(stage: Stage, keys: Keys, registry: EtcdRegistry) -> None:
    """Stale, dead after the grace, its child with it, and both forgotten in the end."""
    history = await stage.history(keys)
    leading = stage.lead(keys, "cp", remember_dead=1)
    lease = await registry.grant(60)
    await stage.write(keys, {"inst/_/p": AGENT, "inst/_/c": AGENT, "bindings/p/c": Binding(), "beats/c": Beat()})
    await registry.put(keys.beat("p"), encode(Beat()), lease=lease)
    await registry.put(keys.host_alive("a"), encode(HostAlive("e", "b", 1)))
    await history.until(lambda there: "cp/hosts/a" in there)
    await registry.delete(keys.beat("p"))
    await history.until(lambda _: "desired/inst/_/c" in history.ever)
    assert json.loads(history.ever["desired/inst/_/p"])["kind"] == "health_check_failed"
    child = json.loads(history.ever["desired/inst/_/c"])
    assert child["kind"] == "parent_dead"
    assert child["reason"].startswith("its parent p is dead: no heartbeat for ")
    await history.until(lambda there: not any(key.startswith(("inst/", "desired/", "bindings/")) for key in there))
    await leading.shows(1, "waypoint_controlplane_kills_total", kind="parent_dead")


async def test_odd_keys_values_and_addresses_disturb_nobody(
    stage: Stage, keys: Keys, registry: EtcdRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {
        "inst/_/a\udcff": encode(AGENT),
        "bindings/p\udcff/c": encode(Binding()),
        "desired/inst/_/k\udcff": encode(KillRequest("asked for")),
        "cp/hosts/deep": b'{"unknown":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    }
    for key, value in odd.items():
        await registry.put(keys.prefix + key, value)
    lost = KnownHost(HostState.SUSPECT, 1.0, status="node1..example:9301")
    await stage.write(keys, {"cp/hosts/odd": lost, "hosts/well/alive": HostAlive("e", "b", 1)})
    history = await stage.history(keys)
    leading = stage.lead(keys, "cp", probe=healthz(StatusClient(None), 0.5), lease_ttl=8)
    await history.until(lambda there: b'"gone"' in there["cp/hosts/odd"])
    await stage.nothing_more(keys, history)
    assert not any(task.done() for task in leading.tasks)
    assert {key: history.puts[key] for key in odd} == dict.fromkeys(odd, 1)
    ignored = [record.getMessage() for record in caplog.records if "ignored: cannot read" in record.getMessage()]
    assert len(ignored) == 2 * len(odd), "one line each, for the tables of the control plane and for its leader's"


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[tuple[Cluster, EtcdRegistry]]:
    """An etcd to be harmed."""
    with running(tmp_path / "etcd") as cluster:
        async with EtcdRegistry.connect(cluster.settings()) as registry:
            yield cluster, registry


@pytest.fixture
async def own_stage(own: tuple[Cluster, EtcdRegistry]) -> AsyncIterator[Stage]:
    async for stage in Stage.on(*own):
        yield stage


async def begin(stage: Stage, registry: EtcdRegistry, keys: Keys, **changes: Any) -> History:
    """A leader that has noted its first host."""
    history = await stage.history(keys)
    stage.lead(keys, "cp", **changes)
    await boot(registry, keys, ["h0", "h1"])
    await registry.put(keys.instance("_", "r"), encode(AGENT))
    await registry.put(keys.beat("r"), encode(Beat()))
    await history.until(lambda there: "cp/hosts/h0" in there)
    await registry.put(keys.beat("r"), encode(Beat()), lease=await registry.grant(8))
    return history


async def test_etcd_unreachable(own: tuple[Cluster, EtcdRegistry], own_stage: Stage, registry: EtcdRegistry) -> None:
    """Nobody kills anything for not knowing, and afterwards the same leader goes on."""
    cluster, away = own
    keys = Keys()
    history = await begin(own_stage, away, keys, lease_ttl=8)
    led = history.puts["cp/leader"]
    cluster.kill()
    await ran_out(registry, 9)  # by a clock that stays: longer than the heartbeat's lease and its grace
    await asyncio.to_thread(cluster.start)
    await reachable(away)
    await away.put(keys.beat("r"), encode(Beat()))
    await away.put(keys.host_alive("h2"), encode(HostAlive("e", "b", 1)))
    await history.until(lambda there: "cp/hosts/h2" in there)
    assert history.puts["cp/leader"] == led
    assert "desired/inst/_/r" not in history.there
    assert {state for state in states(history.there) if state} == {"ready"}


async def test_etcd_restored_from_a_backup(
    own: tuple[Cluster, EtcdRegistry], own_stage: Stage, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Leading ends; whoever is elected waits until agents have written what is true, and only then acts."""
    cluster, registry = own
    keys = Keys()
    await registry.put(keys.prefix + "early", b"")
    cluster.kill()
    cluster.save(tmp_path / "backup")
    await asyncio.to_thread(cluster.start)
    history = await begin(own_stage, registry, keys)
    await own_stage.write(keys, {"inst/_/c": AGENT, "beats/c": Beat(), "bindings/r/c": Binding()})
    cluster.kill()
    cluster.restore(tmp_path / "backup")
    await asyncio.to_thread(cluster.start)
    # As if those who live had written again.
    await reachable(registry)
    await registry.put(keys.beat("r"), encode(Beat()))
    restored = {"inst/_/r": AGENT, "inst/_/c": AGENT, "beats/c": Beat(), "bindings/r/c": Binding()}
    await own_stage.write(keys, restored)
    await boot(registry, keys, ["h0", "h1", "h2"])
    await history.until(lambda there: "cp/hosts/h2" in there)
    assert "cp leads no more" in caplog.text
    assert not [key for key in history.puts if key.startswith("desired/")]
