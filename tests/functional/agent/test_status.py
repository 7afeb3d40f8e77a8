"""The agent's status endpoint on a booted host: what it tells of the host, and its journal."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functional.agent.fixtures import SLOTS, RunningAgent
from system.news import PATIENCE, eventually
from waypoint_core.errors import StatusError
from waypoint_core.hold import Hold, Release
from waypoint_core.settings import TlsSettings
from waypoint_core.status.client import StatusClient
from waypoint_core.tls import client_context
from waypoint_lab.trust import administrator

PORT = 9301


def administrators() -> StatusClient:
    files = administrator()
    return StatusClient(client_context(TlsSettings(str(files.certificate), str(files.key), str(files.ca))))


async def metrics(agent: RunningAgent) -> dict[tuple[str, ...], float]:
    """All samples by name and label values."""
    text = await administrators().get(f"{agent.host.address}:{PORT}", "/metrics", PATIENCE)
    families = text_string_to_metric_families(text.decode())
    return {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}


def journal(agent: RunningAgent, unit: str, lines: int = 10, follow: bool = False) -> AsyncIterator[bytes]:
    target = f"/journal?unit={unit}&lines={lines}{'&follow=1' if follow else ''}"
    return administrators().lines(f"{agent.host.address}:{PORT}", target, PATIENCE)


async def told(agent: RunningAgent, unit: str, lines: int = 10) -> list[dict[str, Any]]:
    return [json.loads(line) async for line in journal(agent, unit, lines)]


async def rest(lines: AsyncIterator[bytes]) -> list[bytes]:
    return [line async for line in lines]


async def answering(agent: RunningAgent) -> None:
    """Returns once the endpoint of a new agent answers: the agent is ready without it, and nobody tells."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(StatusError):
                await metrics(agent)
                return


def readers(agent: RunningAgent) -> list[str]:
    """The processes that read journals for the agent, dead ones that nobody waited for too."""
    pid = agent.host.run("systemctl", "show", "-P", "MainPID", "waypoint-agent").stdout.strip()
    return agent.host.run("ps", "-o", "pid=", "--ppid", pid, check=False).stdout.split()


async def test_what_browsers_do_is_counted(agent: RunningAgent) -> None:
    before = await metrics(agent)
    assert before["waypoint_agent_slots",] == SLOTS
    assert before["waypoint_agent_browsers", "ready"] == SLOTS
    assert before["waypoint_agent_registry_lost_seconds",] == 0
    async with agent.session(0) as (gateway, instance):
        assert (await metrics(agent))["waypoint_agent_browsers", "claimed"] == 1
        gateway.say(Release(instance, "client left"))
        await agent.replaced(0, instance)
    after = await metrics(agent)
    for name in ("start_seconds_count", "recycle_seconds_count"):
        assert after[f"waypoint_agent_{name}",] == before[f"waypoint_agent_{name}",] + 1
    assert after["waypoint_agent_ends_total", "stopped"] == before["waypoint_agent_ends_total", "stopped"] + 1


async def test_what_browsers_use_and_what_the_host_waits_for(agent: RunningAgent) -> None:
    found = await metrics(agent)
    for slot in range(SLOTS):
        assert 10e6 < found["waypoint_agent_slot_memory_bytes", str(slot)] < 1e9
        assert 0.01 < found["waypoint_agent_slot_cpu_seconds_total", str(slot)] < 100
    assert 0 <= found["waypoint_agent_pressure_ratio", "some", "cpu"] <= 1
    assert found["waypoint_etcd_calls_total", "Txn", "ok"] > 0


async def test_its_address_is_in_the_registry(agent: RunningAgent) -> None:
    key = f"/waypoint/v1/hosts/{agent.host.name}/alive"

    def advertised() -> str:
        return str(json.loads(agent.host.run("etcdctl", "get", "--print-value-only", key).stdout)["status"])

    await eventually(lambda: (status := advertised()).endswith(f":{PORT}") or status)


async def test_the_last_lines_of_a_journal(agent: RunningAgent) -> None:
    agent.host.run("systemd-cat", "--identifier=test", "true")
    shown, lines = "", []
    while shown != (shown := agent.host.journal("waypoint-agent.service", 3)):  # until none comes meanwhile
        lines = await told(agent, "waypoint-agent.service", 3)
    assert len(lines) == 3
    assert [line["message"] for line in lines] == [line.partition(": ")[2] for line in shown.splitlines()]
    assert {line["unit"] for line in lines} == {"waypoint-agent.service"}
    assert all(0 <= line["priority"] <= 7 and line["at"] > 1e9 for line in lines)
    assert await told(agent, "etcd.service", 1)


async def test_a_journal_is_followed_and_its_reader_ends_with_the_client(agent: RunningAgent) -> None:
    assert readers(agent) == []
    instance = agent.instances()[1]["id"]
    following = cast("Any", journal(agent, "waypoint-agent.service", 1, follow=True))
    async with aclosing(following), asyncio.timeout(PATIENCE):
        await anext(following)
        [reader] = readers(agent)
        agent.host.run("systemctl", "kill", "--signal=KILL", "waypoint-browser@1.service")
        while "killed by signal 9" not in json.loads(await anext(following))["message"]:
            pass
    await agent.gone([int(reader)])
    assert await told(agent, "waypoint-agent.service", 0) == []  # answered after the agent has taken note of that end
    assert readers(agent) == []
    await agent.replaced(1, instance)


async def test_readers_end_with_the_agent(agent: RunningAgent) -> None:
    following = cast("Any", journal(agent, "waypoint-agent.service", 1, follow=True))
    async with aclosing(following):
        await anext(following)
        [pid] = readers(agent)
        agent.host.run("systemctl", "restart", "waypoint-agent")
        assert agent.host.run("test", "-e", f"/proc/{pid}", check=False).returncode == 1
        with pytest.raises(StatusError):
            await rest(following)
    await answering(agent)
    await agent.ready()


@pytest.mark.parametrize("query", ["unit=systemd-logind.service", "unit=*.service", "unit=etcd.service&lines=x"])
async def test_what_is_not_shown(query: str, agent: RunningAgent) -> None:
    with pytest.raises(StatusError, match="400: cannot show"):
        await administrators().get(f"{agent.host.address}:{PORT}", f"/journal?{query}", PATIENCE)


async def test_strangers_see_metrics_and_no_journal(agent: RunningAgent) -> None:
    stranger = StatusClient(client_context(TlsSettings(ca_file=str(administrator().ca))))
    await stranger.get(f"{agent.host.address}:{PORT}", "/metrics", PATIENCE)
    with pytest.raises(StatusError, match="403: cannot show /journal"):
        await stranger.get(f"{agent.host.address}:{PORT}", "/journal?unit=etcd.service", PATIENCE)


async def test_reading_journals_does_not_disturb_the_agents_own_connections(agent: RunningAgent) -> None:
    for _ in range(5):
        await told(agent, "waypoint-agent.service", 1)
    assert "fork" not in agent.host.journal("waypoint-agent.service")


async def test_a_follower_that_does_not_read_keeps_the_agent_from_nothing(agent: RunningAgent) -> None:
    reader, writer = await asyncio.open_connection(
        agent.host.address, PORT, ssl=client_context_of_administrator(), server_hostname=agent.host.address
    )
    try:
        writer.write(b"GET /journal?unit=waypoint-agent.service&lines=10000&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readline()
        async with agent.session(0) as (gateway, instance):
            gateway.say(Release(instance))
            await agent.replaced(0, instance)
        async with agent.gateway() as gateway:
            assert await gateway.ask(Hold("nobody")) is not None
    finally:
        writer.transport.abort()


def client_context_of_administrator() -> Any:
    files = administrator()
    return client_context(TlsSettings(str(files.certificate), str(files.key), str(files.ca)))
