"""Registration, heartbeats, bonds, kills and descriptions, as a client that an outsider wrote sees them."""

import asyncio
import time

import grpc
import grpc.aio

from functional.controlplane.managing import Managing
from functional.controlplane.outsider import described, message, number, refused
from functional.etcd.following import ran_out
from waypoint_core.codec import encode
from waypoint_core.model import KillKind, KillRequest


async def test_what_registers_is_listed_and_described(managed: Managing) -> None:
    client = (await managed.member()).client
    before = int(time.time() * 1000)
    assert await client.add("vm/1", "VIRTUAL_MACHINE", services={"chrome_debug_port_service": "10.0.0.7:9222"})
    assert await client.all("VIRTUAL_MACHINE") == ["vm/1"]
    assert await client.all() == []
    found = await client.get("vm/1")
    assert found.instance_id.instance_id == "vm/1"
    assert found.instance_type == number("InstanceType", "VIRTUAL_MACHINE")
    assert found.services.chrome_debug_port_service == "10.0.0.7:9222"
    assert not found.services.HasField("tzafonwright_service")
    for at in (found.created_timestamp_ms, found.health_check.timestamp_ms, found.services.timestamp_ms):
        assert before <= at.timestamp_ms <= time.time() * 1000
    for absent in ("parent", "children", "kill_instance_request", "proxy_metrics"):
        assert not found.HasField(absent)


async def test_any_proto_version_is_accepted(managed: Managing) -> None:
    client = (await managed.member()).client
    wanted = described("a", "FAKE_INSTANCE")
    for version in ("", "8c1fd0e6", "x" * 500):
        await client.call("TryService", "TryAddInstance", wanted, metadata=(("proto_version", version),))
    assert await client.all() == ["a"]


async def test_an_id_is_given_once(managed: Managing) -> None:
    client = (await managed.member()).client
    assert await client.add("a")
    assert not await client.add("a", "VLLM")
    assert await client.update("a", kill="TIMEOUT")
    assert not await client.add("a")
    assert not await client.update("a", health=True)
    assert not await client.update("a", kill="KILLED")
    assert not await client.update("a", services={"tzafonwright_service": "b:1"})
    assert not await client.post("a", llm_metrics=message("LlmMetrics", num_requests=1))
    assert await client.all() == []
    dead = await client.get("a")
    assert dead.kill_instance_request.kill_reason == number("KillReason", "TIMEOUT")
    assert dead.kill_instance_request.timestamp_ms.timestamp_ms > 0
    assert not dead.HasField("health_check")


async def test_fifty_add_the_same_and_one_does(managed: Managing) -> None:
    members = [await managed.member() for _ in range(3)]
    done = await asyncio.gather(*(members[number % 3].client.add("a") for number in range(50)))
    assert done.count(True) == 1


async def test_heartbeats_keep_it_and_revive_it(managed: Managing) -> None:
    member = await managed.member(beat_ttl=8)
    assert await member.client.add("a")
    assert await member.client.add("b")
    for _ in range(3):
        await ran_out(managed.registry, 3)
        assert "a" in await member.client.all()
        assert await member.client.update("a", health=True)
    await member.until(lambda: "b" not in member.fleet.beats)
    assert await member.client.all() == ["a"]
    assert not (await member.client.get("b")).HasField("health_check")
    before = int(time.time() * 1000)
    assert await member.client.update("b", health=True, services={"tzafonwright_service": "[::1]:1337"})
    assert await member.client.all() == ["a", "b"]
    found = await member.client.get("b")
    assert found.services.tzafonwright_service == "[::1]:1337"
    assert before <= found.health_check.timestamp_ms.timestamp_ms <= time.time() * 1000


async def test_a_heartbeat_writes_nothing(managed: Managing) -> None:
    member = await managed.member()
    assert await member.client.add("a")
    before = (await managed.registry.list(managed.keys.prefix)).entries
    for _ in range(5):
        assert await member.client.update("a", health=True)
    assert (await managed.registry.list(managed.keys.prefix)).entries == before


async def test_services_are_added_to_those_before(managed: Managing) -> None:
    client = (await managed.member()).client
    assert await client.add("a", services={"chrome_debug_port_service": "a:1"})
    assert await client.update("a", services={"tzafonwright_service": "a:2"})
    assert await client.update("a", services={"chrome_debug_port_service": "a:3"})
    found = (await client.get("a")).services
    assert (found.chrome_debug_port_service, found.tzafonwright_service) == ("a:3", "a:2")


async def test_family(managed: Managing) -> None:
    client = (await managed.member()).client
    assert await client.add("parent")
    assert await client.add("early")
    assert await client.add("late")
    assert await client.add("child", parent="parent", children=["early"])
    assert await client.update("child", children=["late"])
    assert await client.add("orphan")
    assert await client.update("orphan", parent="parent")
    assert not await client.update("orphan", parent="parent")
    assert not await client.update("late", parent="parent")
    assert not await client.update("parent", children=["late"])
    parent, child = await client.get("parent"), await client.get("child")
    assert [each.instance_id.instance_id for each in parent.children.children] == ["child", "orphan"]
    assert all(each.timestamp_ms.timestamp_ms for each in parent.children.children)
    assert [each.instance_id.instance_id for each in child.children.children] == ["early", "late"]
    assert child.parent.instance_id.instance_id == "parent"
    assert child.parent.timestamp_ms.timestamp_ms > 0
    assert {"bindings/parent/child", "bindings/parent/orphan", "bindings/child/early", "bindings/child/late"} <= (
        await managed.there()
    ).keys()


async def test_the_dead_get_no_family(managed: Managing) -> None:
    client = (await managed.member()).client
    assert await client.add("dead")
    assert await client.add("a")
    assert await client.update("dead", kill="KILLED")
    before = await managed.there()
    assert not await client.add("b", parent="dead")
    assert not await client.add("b", children=["dead"])
    assert not await client.update("a", parent="dead")
    assert not await client.update("a", children=["dead"])
    assert not await client.update("dead", parent="a")
    assert await managed.there() == before


async def test_nobody_descends_from_itself(managed: Managing) -> None:
    client = (await managed.member()).client
    for name in ("a", "b", "c"):
        assert await client.add(name)
    assert await client.update("b", parent="a")
    assert await client.update("c", parent="b")
    before = await managed.there()
    for call in (
        client.update("a", parent="c"),
        client.update("a", parent="b"),
        client.update("c", children=["a"]),
        client.add("d", parent="c", children=["a"]),
    ):
        code, text = await refused(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert "descends from it" in text
    assert await managed.there() == before


async def test_two_bonds_at_once_close_no_cycle(managed: Managing) -> None:
    one, two = await managed.member(), await managed.member()
    for round_ in range(10):
        names = [f"{letter}{round_}" for letter in "abcd"]
        a, b, c, d = names
        for name in names:
            assert await one.client.add(name)
        assert await one.client.update(b, parent=a)
        assert await two.client.update(d, parent=c)
        results = await asyncio.gather(
            one.client.update(a, parent=d), two.client.update(c, parent=b), return_exceptions=True
        )
        assert sorted(map(str, results)).count("True") == 1
        (error,) = (result for result in results if isinstance(result, grpc.aio.AioRpcError))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_new_parent_must_not_descend_from_new_children(managed: Managing) -> None:
    client = (await managed.member()).client
    for name in ("top", "middle", "x"):
        assert await client.add(name)
    assert await client.update("middle", parent="top")
    code, _ = await refused(client.update("x", parent="middle", children=["top"]))
    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_lineage_has_an_end(managed: Managing) -> None:
    client = (await managed.member()).client
    assert await client.add("g0")
    for generation in range(1, 33):
        assert await client.add(f"g{generation}", parent=f"g{generation - 1}"), generation
    await client.add("leaf")
    code, text = await refused(client.update("leaf", parent="g32"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "32 ancestors" in text


async def test_every_member_answers_alike_and_at_once(managed: Managing) -> None:
    one, two = await managed.member(), await managed.member()
    for round_ in range(20):
        assert await one.client.add(f"a{round_}")
        assert await two.client.update(f"a{round_}", health=True)
        assert await two.client.add(f"b{round_}", parent=f"a{round_}")
        assert (await one.client.get(f"b{round_}")).parent.instance_id.instance_id == f"a{round_}"


async def test_nothing_is_lost_with_a_member(managed: Managing) -> None:
    one = await managed.member()
    await one.client.add("a", services={"tzafonwright_service": "a:1"})
    await one.client.add("b", parent="a")
    before = (await one.client.get("a")).SerializeToString(deterministic=True)
    one.serving.cancel()
    one.following.cancel()
    two = await managed.member()
    after = await two.client.get("a")
    after.health_check.CopyFrom(type(after).FromString(before).health_check)
    assert after.SerializeToString(deterministic=True) == before
    assert await two.client.update("b", health=True)


async def test_the_dead_by_the_leaders_hand(managed: Managing) -> None:
    member = await managed.member()
    await member.client.add("a")
    request = KillRequest("its parent p died", KillKind.PARENT_DEAD, "leader", 5.0)
    await managed.registry.put(managed.keys.desired_instance("_", "a"), encode(request))
    await member.until(lambda: "a" in member.fleet.kills)
    assert not await member.client.update("a", health=True)
    dead = (await member.client.get("a")).kill_instance_request
    assert (dead.timestamp_ms.timestamp_ms, dead.kill_reason) == (5000, number("KillReason", "PARENT_DEAD"))


async def test_metrics_are_kept_and_shown(managed: Managing) -> None:
    member = await managed.member()
    await member.client.add("a", "VLLM")
    await member.client.add("b", "VLLM")
    llm = message("LlmMetrics", num_requests=3, tokens_received=5, tokens_sent=7)
    gpus = [message("GpuMetricData", used_memory=1, total_memory=2, utilization=0.5) for _ in range(2)]
    assert await member.client.post("a", llm_metrics=llm)
    assert await member.client.post("a", gpu_metrics=message("GpuMetrics", gpu_metrics=gpus))
    assert await member.client.post("b", llm_metrics=llm)
    found = await member.client.get("a")
    assert found.llm_metrics.tokens_sent == 7
    assert found.llm_metrics.timestamp_ms.timestamp_ms > 0
    assert len(found.gpu_metrics.gpu_metrics) == 2
    assert member.sample("waypoint_posted_llm_tokens_sent", instance_type="vllm") == 14
    assert member.sample("waypoint_posted_gpus", instance_type="vllm") == 2
    assert await member.client.update("a", kill="KILLED")
    assert member.sample("waypoint_posted_llm_tokens_sent", instance_type="vllm") == 7
    assert member.sample("waypoint_posted_gpus", instance_type="vllm") is None
    assert not (await member.client.get("a")).HasField("llm_metrics")
