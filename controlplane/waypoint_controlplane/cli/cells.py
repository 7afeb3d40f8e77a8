"""Fields of messages as the cells of tables. Pure, except for the clock that ages are counted by."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import ages


def host_state(host: pb.Host | pb.DrainProgress) -> str:
    """One word."""
    return pb.HostState.Name(host.state).removeprefix("HOST_STATE_").lower()


def instance_state(instance: pb.Instance) -> str:
    """One word."""
    return pb.InstanceState.Name(instance.state).removeprefix("INSTANCE_STATE_").lower()


def age(message: Message, field: str = "since") -> str:
    """How long ago a time field is; "" if it is absent."""
    return ages.span(time.time() - seconds(message, field)) if message.HasField(field) else ""


def moment(message: Message, field: str = "at") -> str:
    """A time field as local date and time; "" if it is absent."""
    if not message.HasField(field):
        return ""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds(message, field)))


def seconds(message: Message, field: str) -> float:
    """A Timestamp or Duration field in seconds."""
    value: Any = getattr(message, field)
    return float(value.seconds) + float(value.nanos) / 1e9


def mapping(values: Mapping[str, Any]) -> str:
    """As key=value, sorted."""
    return ",".join(
        f"{key}={value:g}" if isinstance(value, float) else f"{key}={value}" for key, value in sorted(values.items())
    )


def memory(host: pb.Host) -> str:
    """Used of total."""
    if not host.memory_total_bytes:
        return ""
    used = host.memory_total_bytes - host.memory_available_bytes
    return f"{ages.size(used)}/{ages.size(host.memory_total_bytes)}"
