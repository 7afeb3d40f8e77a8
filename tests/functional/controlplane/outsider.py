"""A client of the instance manager that shares nothing with ours: compiled from an interface file of its own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Awaitable
from functools import cache
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_tools import protoc

INTERFACE = Path(__file__).parents[2] / "instance_manager.proto"
PACKAGE = "instance_manager"


def compiled(*outputs: str) -> None:
    """Run protoc on the interface."""
    assert protoc.main(["protoc", f"-I{INTERFACE.parent}", *outputs, INTERFACE.name]) == 0


@cache
def pool() -> DescriptorPool:
    """The interface, apart from the one that the server knows."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set"
        compiled(f"--descriptor_set_out={out}")
        files = FileDescriptorSet.FromString(out.read_bytes())
    found = DescriptorPool()
    for file in files.file:
        found.Add(file)
    return found


def message(name: str, **fields: Any) -> Any:
    return GetMessageClass(pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))(**fields)


def number(enum: str, name: str) -> int:
    return int(pool().FindEnumTypeByName(f"{PACKAGE}.{enum}").values_by_name[name].number)


def event_name(event: int) -> str:
    return str(pool().FindEnumTypeByName(f"{PACKAGE}.EventType").values_by_number[event].name)


def described(instance: str = "", kind: str = "", **fields: Any) -> Any:
    """An InstanceDescription; parent and children are given by their ids, services by their fields."""
    if parent := fields.pop("parent", None):
        fields["parent"] = message("Relationship", instance_id=message("InstanceId", instance_id=parent))
    if (children := fields.pop("children", None)) is not None:
        bonds = [message("Relationship", instance_id=message("InstanceId", instance_id=child)) for child in children]
        fields["children"] = message("Children", children=bonds)
    if (services := fields.pop("services", None)) is not None:
        fields["services"] = message("Services", **services)
    if (reason := fields.pop("kill", None)) is not None:
        fields["kill_instance_request"] = message("KillInstanceRequest", kill_reason=number("KillReason", reason))
    if fields.pop("health", False):
        fields["health_check"] = message("HealthCheck")
    if kind:
        fields["instance_type"] = number("InstanceType", kind)
    if instance:
        fields["instance_id"] = message("InstanceId", instance_id=instance)
    return message("InstanceDescription", **fields)


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    """Code and message of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details()


class Outsider:
    """The four services on one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel

    async def add(self, instance: str, kind: str = "FAKE_INSTANCE", **fields: Any) -> bool:
        return bool((await self.call("TryService", "TryAddInstance", described(instance, kind, **fields))).value)

    async def update(self, instance: str, **fields: Any) -> bool:
        wanted = described(instance, **fields)
        return bool((await self.call("TryService", "TryUpdateInstanceDescription", wanted)).value)

    async def post(self, instance: str, **fields: Any) -> bool:
        wanted = described(instance, **fields)
        return bool((await self.call("PostService", "PostInstanceDescription", wanted)).value)

    async def all(self, kind: str = "FAKE_INSTANCE") -> list[str]:
        query = message("AllInstancesQuery", instance_type=number("InstanceType", kind))
        answer = await self.call("GetService", "GetAllInstances", query)
        return [each.instance_id for each in answer.instance_ids]

    async def get(self, instance: str) -> Any:
        return await self.call("GetService", "GetInstance", message("InstanceId", instance_id=instance))

    async def subscribe(self, kind: str = "FAKE_INSTANCE") -> Updates:
        """A subscription that has begun."""
        method = self._method("SubscribeService", "SubscribeToInstanceUpdates", self._channel.unary_stream)
        call = method(message("AllInstancesQuery", instance_type=number("InstanceType", kind)))
        await call.initial_metadata()
        return Updates(call)

    async def call(self, service: str, method: str, request: Any, metadata: Any = None, timeout: float = 30) -> Any:
        return await self._method(service, method, self._channel.unary_unary)(
            request, metadata=metadata, timeout=timeout
        )

    def _method(self, service: str, method: str, make: Any) -> Any:
        descriptor = pool().FindServiceByName(f"{PACKAGE}.{service}").methods_by_name[method]
        return make(
            f"/{PACKAGE}.{service}/{method}",
            request_serializer=GetMessageClass(descriptor.input_type).SerializeToString,
            response_deserializer=GetMessageClass(descriptor.output_type).FromString,
        )


class Updates:
    """What a subscription tells."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def next(self, seconds: float = 30) -> tuple[str, str]:
        """Event and instance."""
        update = await self.whole(seconds)
        return event_name(update.event_type), update.instance_id.instance_id

    async def take(self, count: int) -> list[tuple[str, str]]:
        return [await self.next() for _ in range(count)]

    async def whole(self, seconds: float = 30) -> Any:
        async with asyncio.timeout(seconds):
            update = await self._call.read()
        assert update is not grpc.aio.EOF
        return update

    async def until_end(self) -> list[tuple[str, str]]:
        """All that is told before the server ends the stream; then `ended_with` says why."""
        told = []
        with contextlib.suppress(grpc.aio.AioRpcError):
            while True:
                told.append(await self.next())
        self.ended_with: tuple[grpc.StatusCode, str] = (await self._call.code(), await self._call.details())
        return told

    def end(self) -> None:
        self._call.cancel()
