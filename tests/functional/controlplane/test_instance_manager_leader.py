"""Beside a leader: what is without heartbeat dies, and children die with their parents."""

import asyncio
import contextlib

from functional.controlplane.leading import Stage
from functional.controlplane.managing import Managing, Member
from functional.controlplane.outsider import number


async def reason(member: Member, name: str) -> int:
    return int((await member.client.get(name)).kill_instance_request.kill_reason)


async def test_children_die_with_their_parent(managed: Managing, stage: Stage) -> None:
    stage.lead(managed.keys, "cp")
    member = await managed.member()
    await managed.host()
    await managed.obeying()
    browser = await managed.browser()
    for name, parent in (("top", ""), ("middle", "top"), ("leaf", "middle")):
        assert await member.client.add(name, parent=parent)
    assert await member.client.update(browser, parent="leaf")
    updates = await member.client.subscribe()
    async with asyncio.TaskGroup() as group:
        beating = [group.create_task(beats(member, name)) for name in ("top", "middle", "leaf")]
        assert await member.client.update("top", kill="KILLED")
        assert sorted(await updates.take(3)) == [("REMOVED", "leaf"), ("REMOVED", "middle"), ("REMOVED", "top")]
        assert [await task for task in beating] == [False] * 3
    assert await reason(member, "top") == number("KillReason", "KILLED")
    for name in ("middle", "leaf", browser):
        await member.until(lambda name=name: name in member.fleet.kills)
        assert await reason(member, name) == number("KillReason", "PARENT_DEAD")
    assert (await member.client.get("leaf")).parent.instance_id.instance_id == "middle"


async def test_what_stays_without_heartbeat_dies(managed: Managing, stage: Stage) -> None:
    stage.lead(managed.keys, "cp")
    member, impatient = await managed.member(), await managed.member(beat_ttl=6)
    assert await member.client.add("b")
    assert await impatient.client.add("a", children=["b"])
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(beats(member, "b"))
        await member.until(lambda: {"a", "b"} <= member.fleet.kills.keys())
        assert await beating is False
    assert await reason(member, "a") == number("KillReason", "HEALTH_CHECK_FAILED")
    assert await reason(member, "b") == number("KillReason", "PARENT_DEAD")
    assert not await member.client.update("a", health=True)


async def beats(member: Member, name: str) -> bool:
    """Heartbeats until one is answered with false: the next one is due after a while, or at once with its death."""
    while await member.client.update(name, health=True):
        with contextlib.suppress(TimeoutError):
            await member.until(lambda: name in member.fleet.kills, seconds=0.3)
    return False
