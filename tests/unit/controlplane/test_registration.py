"""What descriptions may ask for. Wrong mixtures over the wire: see functional/controlplane/test_instance_manager.py."""

from collections.abc import Callable

import grpc
import pytest

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.serve.errors import Refusal
from waypoint_controlplane.serve.registration import (
    Add,
    AddChildren,
    Heartbeat,
    Intent,
    Kill,
    SetParent,
    SetServices,
    Update,
    to_add,
    to_post,
    to_query,
    to_update,
)
from waypoint_core.model import InstanceType, KillKind

BROWSER = "host-1_0_" + 32 * "a"


def named(name: str) -> pb.InstanceId:
    return pb.InstanceId(instance_id=name)


def bond(name: str) -> pb.Relationship:
    return pb.Relationship(instance_id=named(name))


def bonds(*names: str) -> pb.Children:
    return pb.Children(children=[bond(name) for name in names])


SERVICES = pb.Services(chrome_debug_port_service="[::1]:9222", tzafonwright_service="b.example:1")
ENDPOINTS = {"cdp": "[::1]:9222", "tzafonwright": "b.example:1"}


@pytest.mark.parametrize("number", [number for number in pb.InstanceType.values() if number])
def test_every_type_may_be_added(number: int) -> None:
    wanted = to_add(pb.InstanceDescription(instance_id=named("a"), instance_type=number))  # type: ignore[arg-type]
    assert wanted == Add("a", InstanceType[pb.InstanceType.Name(number)])  # type: ignore[arg-type]
    assert to_query(pb.AllInstancesQuery(instance_type=number)) is wanted.type  # type: ignore[arg-type]


def test_adding_with_everything() -> None:
    wanted = to_add(
        pb.InstanceDescription(
            instance_id=named("ü /_%"),
            instance_type="VLLM",
            services=SERVICES,
            parent=pb.Relationship(instance_id=named("p"), timestamp_ms=pb.TimestampMs(timestamp_ms=7)),
            children=bonds("c", "d"),
        )
    )
    assert wanted == Add("ü /_%", InstanceType.VLLM, ENDPOINTS, "p", ("c", "d"))


@pytest.mark.parametrize(
    ("fields", "intents"),
    [
        ({"health_check": pb.HealthCheck()}, (Heartbeat(),)),
        ({"health_check": pb.HealthCheck(timestamp_ms=pb.TimestampMs(timestamp_ms=1))}, (Heartbeat(),)),
        ({"services": SERVICES}, (SetServices(ENDPOINTS),)),
        ({"services": pb.Services(tzafonwright_service="b:1")}, (SetServices({"tzafonwright": "b:1"}),)),
        ({"parent": bond("p")}, (SetParent("p"),)),
        ({"children": bonds("c", "d")}, (AddChildren(("c", "d")),)),
        ({"children": bonds(BROWSER), "health_check": pb.HealthCheck()}, (AddChildren((BROWSER,)), Heartbeat())),
        (
            {
                "services": SERVICES,
                "parent": bond(BROWSER),
                "children": bonds("c"),
                "health_check": pb.HealthCheck(),
            },
            (SetServices(ENDPOINTS), SetParent(BROWSER), AddChildren(("c",)), Heartbeat()),
        ),
        ({"kill_instance_request": pb.KillInstanceRequest()}, (Kill(KillKind.KILLED),)),
        ({"kill_instance_request": pb.KillInstanceRequest(kill_reason="TIMEOUT")}, (Kill(KillKind.TIMEOUT),)),
        (
            {"kill_instance_request": pb.KillInstanceRequest(kill_reason="PARENT_DEAD")},
            (Kill(KillKind.PARENT_DEAD),),
        ),
    ],
)
def test_updates(fields: dict[str, object], intents: tuple[Intent, ...]) -> None:
    description = pb.InstanceDescription(instance_id=named("a"), **fields)  # type: ignore[arg-type]
    assert to_update(description) == Update("a", intents)
    description.instance_type = pb.AGENT
    assert to_update(description) == Update("a", intents, InstanceType.AGENT)


def test_a_browser_is_claimed_by_its_parent() -> None:
    description = pb.InstanceDescription(instance_id=named(BROWSER), parent=bond("p"), health_check=pb.HealthCheck())
    assert to_update(description) == Update(BROWSER, (SetParent("p"), Heartbeat()))


def test_posts() -> None:
    description = pb.InstanceDescription(instance_id=named("a"), llm_metrics=pb.LlmMetrics(), instance_type="VLLM")
    assert to_post(description) == ("a", InstanceType.VLLM)


FAMILY = {"services", "parent", "children"}
METRICS = {"proxy_metrics", "system_metrics", "gpu_metrics", "llm_metrics"}
TAKES = {
    to_add: FAMILY,
    to_update: FAMILY | {"health_check", "kill_instance_request"},
    to_post: METRICS,
}


@pytest.mark.parametrize("call", TAKES)
def test_each_other_field_is_refused_by_name(call: Callable[[pb.InstanceDescription], object]) -> None:
    every = {field.name for field in pb.InstanceDescription.DESCRIPTOR.fields}
    for field in every - {"instance_id", "instance_type"} - TAKES[call]:
        description = pb.InstanceDescription(instance_id=named("a"), instance_type="VLLM")
        getattr(description, field).SetInParent()
        with pytest.raises(Refusal, match=f"^cannot take {field} here: ") as refused:
            call(description)
        assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("instance", ["", "a" * 257, "a\x00", "a\n", "\x7f", "\u200b"])
def test_ids_that_are_none(instance: str) -> None:
    for description in (
        pb.InstanceDescription(instance_id=named(instance), instance_type="VLLM"),
        pb.InstanceDescription(instance_id=named("a"), instance_type="VLLM", parent=bond(instance)),
        pb.InstanceDescription(instance_id=named("a"), instance_type="VLLM", children=bonds(instance)),
    ):
        with pytest.raises(Refusal) as refused:
            to_add(description)
        assert len(str(refused.value)) < 200


def test_the_longest_id() -> None:
    assert to_add(pb.InstanceDescription(instance_id=named("a" * 256), instance_type="VLLM")).id == "a" * 256
