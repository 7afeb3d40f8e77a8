"""Elections on a real etcd."""

import json
import logging
import signal
import time

import pytest

from functional.controlplane.leading import QUICK, Stage
from waypoint_core.codec import encode
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys
from waypoint_core.model import HostAlive, Leader

CLOCKS = 0.05
"""Seconds by which the clock of timers and that of log records may differ over a lease's time."""


async def test_one_of_three_leads_and_stopping_it_hands_over_at_once(stage: Stage, keys: Keys) -> None:
    """Long before a lease would have run out."""
    history = await stage.history(keys)
    leaders = [stage.lead(keys, f"cp{number}", lease_ttl=600) for number in range(3)]
    await history.until(lambda there: "cp/leader" in there)
    for _ in range(2):
        name = json.loads(history.there["cp/leader"])["name"]
        first = leaders[int(name[-1])]
        await first.stop()
        await history.until(lambda there, name=name: name not in there.get("cp/leader", name.encode()).decode())  # type: ignore[misc]
        assert not first.duty.leading


async def test_a_new_leader_waits_one_ttl_before_it_acts(
    stage: Stage, keys: Keys, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    history = await stage.history(keys)
    await stage.write(keys, {"hosts/a/alive": HostAlive("e", "b", 1)})
    leading = stage.lead(keys, "cp")
    await history.until(lambda there: "cp/hosts/a" in there)
    acted = time.time()
    # By when it said so, which came before: when others hear of the election is not when it was won.
    elected = min(record.created for record in caplog.records if "cp is elected at" in record.message)
    assert acted - elected >= QUICK.lease_ttl - CLOCKS
    await leading.shows(1, "waypoint_controlplane_leader")
    await leading.shows(1, "waypoint_controlplane_decisions_total", decision="note", outcome="done")
    await leading.shows(1, "waypoint_controlplane_hosts", state="ready")


async def test_whose_key_is_removed_steps_down_and_stands_again(
    stage: Stage, keys: Keys, registry: EtcdRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    history = await stage.history(keys)
    stage.lead(keys, "cp")
    await history.until_led_by("cp")
    await stage.write(keys, {"hosts/a/alive": HostAlive("e", "b", 1)})
    await history.until(lambda there: "cp/hosts/a" in there)
    first = history.there.get("cp/leader")
    await registry.delete(keys.leader)
    await history.until(lambda there: there.get("cp/leader", first) != first)
    assert "write refused, nobody leads: the tick" in caplog.text


@pytest.mark.parametrize("value", [encode(Leader("ghost", "e")), b"{"])
async def test_a_key_under_no_lease_is_no_leader(
    stage: Stage, keys: Keys, registry: EtcdRegistry, value: bytes
) -> None:
    """Somebody wrote it by hand: nobody would ever lead again."""
    history = await stage.history(keys)
    await registry.put(keys.leader, value)
    stage.lead(keys, "cp")
    await history.until_led_by("cp")


async def test_a_leader_whose_key_was_overwritten_steps_down_and_stands_again(
    stage: Stage, keys: Keys, registry: EtcdRegistry
) -> None:
    history = await stage.history(keys)
    stage.lead(keys, "cp")
    await history.until_led_by("cp")
    await registry.put(keys.leader, encode(Leader("ghost", "e")))
    await history.until_led_by("ghost")
    await history.until_led_by("cp")


async def test_a_killed_leader_is_replaced_after_its_ttl(stage: Stage, keys: Keys) -> None:
    history = await stage.history(keys)
    doomed = stage.doomed(keys, 99, signal.SIGKILL)
    await history.until_led_by("doomed")
    stage.lead(keys, "second")
    doomed.end()
    await history.until_led_by("second")


async def test_a_leader_that_slept_is_refused_and_stands_again(stage: Stage, keys: Keys) -> None:
    """It was idle when it was frozen: it asks before it believes that it still leads."""
    history = await stage.history(keys)
    doomed = stage.doomed(keys, 99, signal.SIGKILL)
    await history.until_led_by("doomed")
    await stage.write(keys, {"hosts/a/alive": HostAlive("e", "b", 1)})
    await history.until(lambda there: "cp/hosts/a" in there)
    second = stage.lead(keys, "second", lease_ttl=600)
    doomed.process.send_signal(signal.SIGSTOP)
    await history.until_led_by("second")
    doomed.go_on()
    await doomed.said("write refused, second leads: the tick")
    await doomed.said("doomed leads no more")
    await second.stop()
    await history.until_led_by("doomed")
    assert history.puts["cp/hosts/a"] == 1
