"""The leader is killed, or frozen and resumed, before each of its writes: another carries on, each thing is done once.

Every step has a prefix, a doomed leader and two standbys of its own; all steps of a scenario run at the same time.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from functional.controlplane.leading import Stage
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    DesiredHost,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
    KnownHost,
)

AGENT = Instance(InstanceType.AGENT, InstanceState.READY)
CHROME = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY)
WELL = {
    "cp/hosts/well": KnownHost(HostState.READY, 1.0, "first seen"),
    "hosts/well/alive": HostAlive("e", "b", 4),
}
A0, A1, A2 = (browser_id("a", slot, f"{slot:032x}") for slot in range(3))


@dataclass(frozen=True)
class Scenario:
    """records: what there is; writes: how many it takes; once: the keys that are to be written exactly once."""

    records: Callable[[], dict[str, Any]]
    writes: int
    once: tuple[str, ...]
    done: Callable[[dict[str, bytes]], bool]


def drain() -> dict[str, Any]:
    """Three sessions are left on a host whose drain is past its deadline."""
    return {
        **WELL,
        "cp/hosts/a": KnownHost(HostState.READY, 1.0, "first seen"),
        "hosts/a/alive": HostAlive("e", "b", 4),
        "desired/hosts/a": DesiredHost(cordon=True, drain_deadline=time.time() - 1, by="ann"),
        **{f"inst/a/{name}": CHROME for name in (A0, A1, A2)},
        **{f"claims/{name}": Claim("p", "r") for name in (A0, A1, A2)},
    }


def binding() -> dict[str, Any]:
    """A parent was killed; below it a child with a child of its own, and another child."""
    return {
        **WELL,
        "inst/_/p": AGENT,
        "desired/inst/_/p": KillRequest("asked for", by="ann"),
        **{f"inst/_/{name}": AGENT for name in ("c", "d", "e")},
        **{f"beats/{name}": Beat() for name in ("c", "d", "e")},
        "bindings/p/c": Binding(),
        "bindings/c/d": Binding(),
        "bindings/p/e": Binding(),
    }


def remediation() -> dict[str, Any]:
    """A host is lost, and with it a browser that has a child elsewhere and a claim."""
    return {
        **WELL,
        "cp/hosts/a": KnownHost(HostState.READY, 1.0, "first seen"),
        f"claims/{A0}": Claim("p", "r"),
        "inst/_/c": AGENT,
        "beats/c": Beat(),
        f"bindings/{A0}/c": Binding(),
    }


SCENARIOS = {
    "drain": Scenario(
        drain,
        writes=3,
        once=tuple(f"desired/inst/a/{name}" for name in (A0, A1, A2)),
        done=lambda there: all(f"desired/inst/a/{name}" in there for name in (A0, A1, A2)),
    ),
    "binding": Scenario(
        binding,
        writes=3,
        once=("desired/inst/_/c", "desired/inst/_/d", "desired/inst/_/e"),
        done=lambda there: not any(key.startswith("bindings/") for key in there),
    ),
    "remediation": Scenario(
        remediation,
        writes=4,
        once=("desired/inst/_/c",),
        done=lambda there: "desired/inst/_/c" in there and f"claims/{A0}" not in there,
    ),
}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=lambda fate: fate.name)
async def test_each_step(stage: Stage, scenario: str, fate: signal.Signals) -> None:
    async with asyncio.TaskGroup() as group:
        for step in range(SCENARIOS[scenario].writes):
            keys = Keys(f"/{scenario}-{fate.name}-{step}/")
            group.create_task(one_step(stage, keys, SCENARIOS[scenario], step, fate))


async def one_step(stage: Stage, keys: Keys, scenario: Scenario, step: int, fate: signal.Signals) -> None:
    history = await stage.history(keys)
    doomed = stage.doomed(keys, step, fate)
    await history.until_led_by("doomed")
    standbys = [stage.lead(keys, name) for name in ("second", "third")]
    await stage.write(keys, scenario.records())
    await history.until(lambda there: b"doomed" not in there.get("cp/leader", b"doomed"))
    await history.until(scenario.done)
    if fate is signal.SIGSTOP:
        before = dict(history.puts)
        doomed.go_on()
        await doomed.said("write refused, ")
        await doomed.said("doomed leads no more")
        written = {key for key, count in history.puts.items() if count != before.get(key)}
        assert written <= {"cp/leader", "cp/tick"}  # by the standbys
        doomed.end()
    await stage.nothing_more(keys, history)
    assert {key: history.puts[key] for key in scenario.once} == dict.fromkeys(scenario.once, 1)
    assert history.puts["cp/hosts/a"] <= 3  # as it was, suspect, gone
    async with asyncio.timeout(30):
        await standbys[0].follower.until(lambda: sum(leading.duty.leading for leading in standbys) == 1)
