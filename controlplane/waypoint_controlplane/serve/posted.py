"""Metrics that instances posted: the latest of each kind, in the memory of the member that got them.

Exported as sums by type. Nothing outlives the instance that it is about, and only instances that are known count.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.errors import invalid
from waypoint_core.model import InstanceType

FIELDS = ("proxy_metrics", "system_metrics", "gpu_metrics", "llm_metrics")
_GPUS = 64
_SLACK = 100


@dataclass(frozen=True, slots=True)
class _Post:
    """What an instance posted in the life that began then."""

    since: float
    metrics: pb.InstanceDescription


@dataclass(frozen=True, slots=True)
class _Gauge:
    """A sum over what was posted in one field."""

    name: str
    help: str
    field: str
    value: Callable[[pb.InstanceDescription], float]


_GAUGES = (
    _Gauge(
        "system_used_memory_bytes",
        "Memory that instances said they use, summed over those that live.",
        "system_metrics",
        lambda post: post.system_metrics.used_memory_bytes,
    ),
    _Gauge(
        "system_total_memory_bytes",
        "Memory that instances said they have, summed over those that live.",
        "system_metrics",
        lambda post: post.system_metrics.total_memory_bytes,
    ),
    _Gauge(
        "proxy_active_connections",
        "Connections that instances said are open, summed over those that live.",
        "proxy_metrics",
        lambda post: post.proxy_metrics.active_connections,
    ),
    _Gauge(
        "proxy_connections",
        "Connections since each instance began, summed over those that live: falls when one dies.",
        "proxy_metrics",
        lambda post: post.proxy_metrics.num_connections,
    ),
    _Gauge(
        "proxy_client_to_server_bytes",
        "Bytes from clients since each instance began, summed over those that live: falls when one dies.",
        "proxy_metrics",
        lambda post: post.proxy_metrics.client_to_server_bytes,
    ),
    _Gauge(
        "proxy_server_to_client_bytes",
        "Bytes to clients since each instance began, summed over those that live: falls when one dies.",
        "proxy_metrics",
        lambda post: post.proxy_metrics.server_to_client_bytes,
    ),
    _Gauge(
        "llm_requests",
        "Requests to language models since each instance began, summed over those that live: falls when one dies.",
        "llm_metrics",
        lambda post: post.llm_metrics.num_requests,
    ),
    _Gauge(
        "llm_tokens_received",
        "Tokens that language models took since each instance began, summed over those that live: falls when one dies.",
        "llm_metrics",
        lambda post: post.llm_metrics.tokens_received,
    ),
    _Gauge(
        "llm_tokens_sent",
        "Tokens that language models gave since each instance began, summed over those that live: falls when one dies.",
        "llm_metrics",
        lambda post: post.llm_metrics.tokens_sent,
    ),
    _Gauge(
        "gpus",
        "GPUs that instances told of, summed over those that live.",
        "gpu_metrics",
        lambda post: len(post.gpu_metrics.gpu_metrics),
    ),
    _Gauge(
        "gpu_used_memory_bytes",
        "GPU memory that instances said they use, summed over those that live.",
        "gpu_metrics",
        lambda post: sum(gpu.used_memory for gpu in post.gpu_metrics.gpu_metrics),
    ),
    _Gauge(
        "gpu_total_memory_bytes",
        "GPU memory that instances said they have, summed over those that live.",
        "gpu_metrics",
        lambda post: sum(gpu.total_memory for gpu in post.gpu_metrics.gpu_metrics),
    ),
    _Gauge(
        "gpu_utilization",
        "How busy GPUs are, in the unit in which instances posted it, summed over those that live: divide by the GPUs.",
        "gpu_metrics",
        lambda post: sum(gpu.utilization for gpu in post.gpu_metrics.gpu_metrics),
    ),
)


class Posted(Collector):
    """What living instances posted to this member."""

    def __init__(self, fleet: Fleet, metrics: CollectorRegistry) -> None:
        self._fleet = fleet
        self._posts: dict[str, _Post] = {}
        metrics.register(self)

    def keep(self, instance: str, description: pb.InstanceDescription, now_ms: int) -> None:
        """Remember the metrics in a description of a known instance; those that bear no time get this one."""
        if len(description.gpu_metrics.gpu_metrics) > _GPUS:
            raise invalid(f"cannot keep gpu_metrics of more than {_GPUS} GPUs: post for each of several instances")
        if not all(math.isfinite(gpu.utilization) for gpu in description.gpu_metrics.gpu_metrics):
            raise invalid("cannot keep gpu_metrics: a utilization is not a finite number")
        if self._of(instance) is None:
            if len(self._posts) > len(self._fleet.instances) + _SLACK:
                self._trim()
            self._posts[instance] = _Post(self._fleet.instances[instance].record.since, pb.InstanceDescription())
        kept = self._posts[instance].metrics
        for name in FIELDS:
            if description.HasField(name):
                latest = getattr(kept, name)
                latest.CopyFrom(getattr(description, name))
                if not latest.HasField("timestamp_ms"):
                    latest.timestamp_ms.timestamp_ms = now_ms

    def show(self, instance: str, description: pb.InstanceDescription) -> None:
        """Put what an instance posted into its description."""
        if post := self._of(instance):
            description.MergeFrom(post.metrics)

    def collect(self) -> Iterable[Metric]:
        """Sums by type; for what nobody posted there is no sample."""
        self._trim()
        posts = [(self._fleet.instances[name].record.type, post.metrics) for name, post in self._posts.items()]
        return [_family(gauge, posts) for gauge in _GAUGES]

    def describe(self) -> Iterable[Metric]:
        """The same without samples, so that nothing is collected at registration."""
        return [_family(gauge, ()) for gauge in _GAUGES]

    def _of(self, instance: str) -> _Post | None:
        """What it posted in its present life, as long as that lasts."""
        post, row = self._posts.get(instance), self._fleet.instances.get(instance)
        alive = row is not None and instance not in self._fleet.kills
        return post if post and row and alive and row.record.since == post.since else None

    def _trim(self) -> None:
        for name in [name for name in self._posts if self._of(name) is None]:
            del self._posts[name]


def _family(gauge: _Gauge, posts: Iterable[tuple[InstanceType, pb.InstanceDescription]]) -> Metric:
    family = GaugeMetricFamily(f"waypoint_posted_{gauge.name}", gauge.help, labels=("instance_type",))
    for kind, total in _sums(gauge, posts):
        family.add_metric((kind,), total)
    return family


def _sums(gauge: _Gauge, posts: Iterable[tuple[InstanceType, pb.InstanceDescription]]) -> Iterator[tuple[str, float]]:
    sums: dict[str, float] = defaultdict(float)
    for kind, post in posts:
        if post.HasField(gauge.field):
            sums[kind] += gauge.value(post)
    yield from sorted(sums.items())
