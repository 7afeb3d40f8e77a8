"""Posted metrics: kept for the living, summed by type."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.errors import Refusal
from waypoint_controlplane.serve.posted import Posted
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import Instance, InstanceState, InstanceType, KillRequest
from waypoint_core.registry import Entry, Removed, Written

KEYS = Keys()


class Scene:
    """A fleet to which things happen."""

    def __init__(self) -> None:
        self.fleet = Fleet(KEYS)
        self.metrics = CollectorRegistry()
        self.posted = Posted(self.fleet, self.metrics)
        self.revision = 0

    def write(self, key: str, record: object) -> None:
        self.revision += 1
        self.fleet.apply(Written(Entry(key, encode(record), self.revision, self.revision)))

    def live(self, *names: str, kind: InstanceType = InstanceType.VLLM) -> None:
        for name in names:
            self.write(KEYS.instance("_", name), Instance(kind, InstanceState.READY, since=float(self.revision)))

    def kill(self, name: str) -> None:
        self.write(KEYS.desired_instance("_", name), KillRequest("why"))

    def forget(self, name: str) -> None:
        for key in (KEYS.instance("_", name), KEYS.desired_instance("_", name)):
            self.revision += 1
            self.fleet.apply(Removed(key, self.revision))

    def post(self, name: str, **fields: object) -> None:
        self.posted.keep(name, pb.InstanceDescription(**fields), 1000)  # type: ignore[arg-type]

    def shown(self, name: str) -> pb.InstanceDescription:
        description = pb.InstanceDescription()
        self.posted.show(name, description)
        return description

    def sample(self, name: str, kind: str = "vllm") -> float | None:
        return self.metrics.get_sample_value(f"waypoint_posted_{name}", {"instance_type": kind})


def used(amount: int) -> pb.SystemMetrics:
    return pb.SystemMetrics(used_memory_bytes=amount, total_memory_bytes=100)


def test_sums_by_type() -> None:
    scene = Scene()
    scene.live("a", "b")
    scene.live("c", kind=InstanceType.VIRTUAL_MACHINE)
    assert scene.sample("system_used_memory_bytes") is None
    for name, amount in (("a", 1), ("b", 2), ("c", 4), ("b", 8)):
        scene.post(name, system_metrics=used(amount))
    assert scene.sample("system_used_memory_bytes") == 9
    assert scene.sample("system_total_memory_bytes") == 200
    assert scene.sample("system_used_memory_bytes", "virtual_machine") == 4
    assert scene.sample("proxy_active_connections") is None


def test_each_kind_counts_by_its_latest() -> None:
    scene = Scene()
    scene.live("a")
    proxy = pb.ProxyMetrics(active_connections=1, num_connections=2, client_to_server_bytes=3, server_to_client_bytes=4)
    scene.post("a", proxy_metrics=proxy)
    scene.post("a", llm_metrics=pb.LlmMetrics(num_requests=5, tokens_received=6, tokens_sent=2**64 - 1))
    gpu = pb.GpuMetricData(used_memory=8, total_memory=9, utilization=0.5)
    scene.post("a", gpu_metrics=pb.GpuMetrics(gpu_metrics=[gpu, gpu]))
    expected = {
        "proxy_active_connections": 1,
        "proxy_connections": 2,
        "proxy_client_to_server_bytes": 3,
        "proxy_server_to_client_bytes": 4,
        "llm_requests": 5,
        "llm_tokens_received": 6,
        "llm_tokens_sent": float(2**64 - 1),
        "gpus": 2,
        "gpu_used_memory_bytes": 16,
        "gpu_total_memory_bytes": 18,
        "gpu_utilization": 1.0,
    }
    assert {name: scene.sample(name) for name in expected} == expected
    found = scene.shown("a")
    assert found.proxy_metrics.timestamp_ms.timestamp_ms == 1000
    assert found.llm_metrics.tokens_received == 6
    scene.post("a", gpu_metrics=pb.GpuMetrics(timestamp_ms=pb.TimestampMs(timestamp_ms=7)))
    assert scene.shown("a").gpu_metrics == pb.GpuMetrics(timestamp_ms=pb.TimestampMs(timestamp_ms=7))
    assert scene.sample("gpus") == 0


def test_nothing_outlives_its_instance() -> None:
    scene = Scene()
    scene.live("a", "b")
    for name in ("a", "b"):
        scene.post(name, system_metrics=used(1))
    scene.kill("a")
    assert scene.sample("system_used_memory_bytes") == 1
    assert not scene.shown("a").HasField("system_metrics")
    scene.post("b", system_metrics=used(3))
    scene.forget("b")
    scene.live("b")
    assert not scene.shown("b").HasField("system_metrics")
    assert scene.sample("system_used_memory_bytes") is None
    scene.post("b", llm_metrics=pb.LlmMetrics())
    assert not scene.shown("b").HasField("system_metrics")


def test_it_does_not_grow_with_the_dead() -> None:
    scene = Scene()
    for number in range(1000):
        scene.live(str(number))
        scene.post(str(number), system_metrics=used(1))
        scene.forget(str(number))
    assert len(scene.posted._posts) < 200


@pytest.mark.parametrize("gpus", [[pb.GpuMetricData()] * 65, [pb.GpuMetricData(utilization=float("inf"))]])
def test_what_is_not_kept(gpus: list[pb.GpuMetricData]) -> None:
    scene = Scene()
    scene.live("a")
    with pytest.raises(Refusal, match="cannot keep gpu_metrics"):
        scene.post("a", gpu_metrics=pb.GpuMetrics(gpu_metrics=gpus))
    assert scene.sample("gpus") is None


def test_every_family_is_there_from_the_start() -> None:
    text = generate_latest(Scene().metrics).decode()
    assert text.count("# HELP waypoint_posted_") == text.count("# TYPE waypoint_posted_") == 13
    assert "_total " not in text
