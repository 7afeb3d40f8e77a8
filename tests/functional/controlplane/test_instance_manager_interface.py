"""The interface that is served is the one that is described, and code that protoc generates for it works."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor, ServiceDescriptor

from functional.controlplane.managing import Managing
from functional.controlplane.outsider import INTERFACE, compiled, pool
from waypoint_controlplane.api import instance_manager_pb2 as pb

GENERATED = Path(__file__).parent / "generated_client.py"


def fields(message: Descriptor) -> dict[str, Any]:
    return {
        field.name: (
            field.number,
            field.type,
            field.is_repeated,
            field.has_presence,
            field.message_type and field.message_type.full_name,
            field.enum_type and field.enum_type.full_name,
        )
        for field in message.fields
    }


def values(enum: EnumDescriptor) -> dict[str, int]:
    return {value.name: value.number for value in enum.values}


def methods(service: ServiceDescriptor) -> dict[str, Any]:
    return {
        method.name: (
            method.input_type.full_name,
            method.output_type.full_name,
            method.client_streaming,
            method.server_streaming,
        )
        for method in service.methods
    }


def whole(file: FileDescriptor) -> dict[str, Any]:
    return {
        "package": file.package,
        **{name: fields(message) for name, message in file.message_types_by_name.items()},
        **{name: values(enum) for name, enum in file.enum_types_by_name.items()},
        **{name: methods(service) for name, service in file.services_by_name.items()},
    }


def test_field_by_field() -> None:
    described = whole(pool().FindFileByName(INTERFACE.name))
    assert len(described) == 1 + 17 + 3 + 4
    assert whole(pb.DESCRIPTOR) == described


async def test_generated_code(managed: Managing, tmp_path: Path) -> None:
    """A process of its own, with blocking calls, that knows nothing of ours."""
    member = await managed.member()
    await managed.host()
    await managed.obeying()
    browser = await managed.browser()
    compiled(f"--python_out={tmp_path}", f"--grpc_python_out={tmp_path}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, GENERATED, member.server.address, browser),
        env={"PYTHONPATH": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert said.decode().splitlines()[-1] == "10.0.0.1:22000"
