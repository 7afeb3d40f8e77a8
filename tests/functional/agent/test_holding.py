"""The agent on a real systemd and a real etcd, with the test as the gateway."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from functional.agent.fixtures import SLOTS, RunningAgent
from system.news import eventually
from waypoint_core.hold import EndCause, Ended, Held, Hold, Refused, Release
from waypoint_lab import Host


def left(agent: RunningAgent, pids: list[int]) -> list[int]:
    listed = agent.host.run("ls", "/proc").stdout.split()
    return [pid for pid in pids if str(pid) in listed]


async def test_a_released_browser_is_gone_at_once_and_replaced(agent: RunningAgent) -> None:
    async with agent.session(0) as (gateway, instance):
        pids = agent.pids(0)
        gateway.say(Release(instance, "client left"))
        await agent.gone(pids)
        await agent.replaced(0, instance)
        assert not left(agent, pids)
        assert await gateway.ask(Hold(instance)) == Refused(instance, "unknown or ended")
    assert (await agent.ready())[0]["generation"] > 1


async def test_a_gateway_that_dies_leaves_no_browser_behind(agent: RunningAgent) -> None:
    before = agent.instances()
    async with agent.gateway() as gateway:
        for it in before.values():
            assert await gateway.ask(Hold(it["id"], "s")) == Held(it["id"])
        pids = [pid for slot in before for pid in agent.pids(slot)]
    await agent.gone(pids)
    for slot, it in before.items():
        await agent.replaced(slot, it["id"])
    assert not left(agent, pids)


async def test_a_killed_browser_is_named_and_ready_again(agent: RunningAgent) -> None:
    async with agent.session(0) as (gateway, instance):
        agent.host.run("kill", "-KILL", str(agent.main_pid(0)))
        assert await gateway.hears() == Ended(instance, EndCause.CRASHED, "killed by signal 9 (SIGKILL)")
        await agent.replaced(0, instance)


async def test_a_frozen_reserved_browser_is_found_and_replaced(agent: RunningAgent) -> None:
    instance = agent.instances()[1]["id"]
    async with agent.gateway() as gateway:
        await gateway.ask(Hold(instance))
        agent.host.run("kill", "-STOP", str(agent.main_pid(1)))
        heard = await gateway.hears()
    assert isinstance(heard, Ended)
    assert heard.cause is EndCause.HUNG
    await agent.replaced(1, instance)


@pytest.mark.parametrize("way", ["kill --signal=KILL", "restart"])
async def test_a_new_agent_adopts_what_runs(agent: RunningAgent, way: str) -> None:
    pid, generation = agent.main_pid(0), agent.instances()[0]["generation"]
    async with agent.session(0) as (gateway, instance):
        agent.host.run("systemctl", *way.split(), "waypoint-agent")
        assert await gateway.hears() is None
    # systemd keeps the socket: nobody who comes now is refused, only kept waiting.
    async with agent.gateway() as gateway:
        assert await gateway.ask(Hold(instance, "s")) == Refused(instance, "given to another before")
        assert await gateway.ask(Hold(instance, "s", again=True)) == Held(instance)
        await agent.ready()
        assert (agent.main_pid(0), agent.instances()[0]["generation"]) == (pid, generation)
        gateway.say(Release(instance))
        await agent.replaced(0, instance)


async def test_an_outage_of_etcd_ends_nothing_and_delays_nothing(agent: RunningAgent) -> None:
    other = agent.main_pid(1)
    async with agent.session(0) as (gateway, instance):
        agent.host.run("systemctl", "stop", "etcd")
        try:
            pid = agent.main_pid(0)
            gateway.say(Release(instance))
            await eventually(lambda: agent.main_pid(0) not in {0, pid})
            assert agent.main_pid(1) == other
        finally:
            agent.host.run("systemctl", "start", "etcd")
        await agent.replaced(0, instance)


async def test_a_claim_that_nobody_holds_is_void(agent: RunningAgent) -> None:
    instance = agent.instances()[0]["id"]
    claim = f"/waypoint/v1/claims/{instance}"
    agent.host.run("etcdctl", "put", claim, "broken")
    await agent.replaced(0, instance)
    assert agent.host.run("etcdctl", "get", claim).stdout == ""


async def test_an_operator_ends_a_session(agent: RunningAgent) -> None:
    async with agent.session(0) as (gateway, instance):
        request = f"/waypoint/v1/desired/inst/{agent.host.name}/{instance}"
        agent.host.run("etcdctl", "put", request, '{"reason": "by hand"}')
        assert await gateway.hears() == Ended(instance, EndCause.KILL_REQUESTED, "by hand")
        await agent.replaced(0, instance)


async def test_a_parents_death_can_be_read_by_the_sessions_client(agent: RunningAgent) -> None:
    async with agent.session(0) as (gateway, instance):
        request = f"/waypoint/v1/desired/inst/{agent.host.name}/{instance}"
        agent.host.run("etcdctl", "put", request, '{"reason": "vm-7 was killed", "kind": "parent_dead"}')
        assert await gateway.hears() == Ended(instance, EndCause.KILL_REQUESTED, "parent dead: vm-7 was killed")
        await agent.replaced(0, instance)
    await eventually(lambda: agent.host.run("etcdctl", "get", request).stdout == "")


async def test_a_cordoned_host_shows_its_browsers_closed(agent: RunningAgent) -> None:
    before = agent.instances()
    desired = f"/waypoint/v1/desired/hosts/{agent.host.name}"

    def closed() -> bool:
        return [it.get("open", True) for it in agent.instances().values()] == [False] * SLOTS

    agent.host.run("etcdctl", "put", desired, '{"cordon": true, "reason": "test"}')
    try:
        await eventually(closed)
        assert {it["id"] for it in agent.instances().values()} == {it["id"] for it in before.values()}
        victim = before[1]["id"]
        agent.host.run(
            "etcdctl", "put", f"/waypoint/v1/desired/inst/{agent.host.name}/{victim}", '{"reason": "by hand"}'
        )
        await agent.replaced(1, victim)
        await eventually(closed)
    finally:
        agent.host.run("etcdctl", "del", desired)
    await eventually(lambda: not any("open" in it for it in agent.instances().values()))


async def test_when_a_life_began(agent: RunningAgent) -> None:
    def seen(slot: int) -> tuple[float, str]:
        it = agent.instances()[slot]
        revision = agent.host.run(
            "etcdctl", "get", "-w", "fields", f"/waypoint/v1/inst/{agent.host.name}/{it['id']}"
        ).stdout
        return it["since"], re.search(r'"Version" : (\d+)', revision)[1]  # type: ignore[index]

    since, version = seen(0)
    assert abs(since - float(agent.host.run("date", "+%s.%N").stdout)) < 600
    agent.host.run("systemctl", "restart", "waypoint-agent")
    await eventually(lambda: seen(0)[1] != version)
    assert seen(0)[0] == since, "the next agent knows it too"
    instance = agent.instances()[0]["id"]
    agent.host.run("systemctl", "restart", "waypoint-browser@0.service")
    await agent.replaced(0, instance)
    assert seen(0)[0] > since
    assert seen(0)[1] == "1", "written once"


async def test_the_bus_goes_away_and_comes_back(agent: RunningAgent) -> None:
    """A new dbus-daemon knows nobody: the agent finds its way back, and no browser is lost over it."""
    pid = agent.main_pid(1)
    async with agent.session(0) as (gateway, instance):
        agent.host.run("systemctl", "restart", "dbus.service")
        gateway.say(Release(instance))
        await agent.replaced(0, instance)
    assert agent.main_pid(1) == pid


async def test_a_job_that_takes_long_is_named(agent: RunningAgent) -> None:
    def said() -> int:
        words = "restart waypoint-browser@0.service: not done after 5 s"
        return agent.host.journal("waypoint-agent.service").count(words)

    before = said()
    async with agent.session(0) as (gateway, instance):
        agent.host.run("systemctl", "kill", "--signal=STOP", "waypoint-broker.service")
        try:
            gateway.say(Release(instance))
            await eventually(lambda: said() > before)
        finally:
            agent.host.run("systemctl", "kill", "--signal=CONT", "waypoint-broker.service")
        await agent.replaced(0, instance)


async def test_a_disk_that_hangs_delays_nothing(agent: RunningAgent) -> None:
    with hanging_file(agent.host, "/var/lib/waypoint-agent/.generations.json.new"):
        for _ in range(2):
            async with agent.session(0) as (gateway, instance):
                gateway.say(Release(instance))
                await agent.replaced(0, instance)


@contextmanager
def hanging_file(host: Host, path: str) -> Iterator[None]:
    """Nobody who opens the file gets any further, as on a disk that does not answer."""
    host.run("sh", "-c", 'rm -f "$0" && mkfifo -m 666 "$0"', path)
    try:
        yield
    finally:
        # From elsewhere: whoever waits is to find that what it opened is gone.
        host.run("sh", "-c", 'mv "$0" "$0.hanging" && timeout 5 cat "$0.hanging"; rm "$0.hanging"', path)
