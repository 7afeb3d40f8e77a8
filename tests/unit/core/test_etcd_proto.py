"""The committed messages are those of rpc.proto, whichever version of protoc made them."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from waypoint_core.etcd import rpc_pb2

CORE = Path(__file__).parents[3] / "core"


def without_json_names(messages: list[DescriptorProto]) -> None:
    for message in messages:
        for field in message.field:
            field.ClearField("json_name")
        without_json_names(list(message.nested_type))


def test_regenerating_changes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools")
    out = tmp_path / "rpc.bin"
    command = ("-m", "grpc_tools.protoc", f"-I{CORE}", f"--descriptor_set_out={out}", "waypoint_core/etcd/rpc.proto")
    subprocess.run((sys.executable, "-W", "ignore", *command), check=True)
    (made,) = FileDescriptorSet.FromString(out.read_bytes()).file
    without_json_names(list(made.message_type))
    assert made == FileDescriptorProto.FromString(rpc_pb2.DESCRIPTOR.serialized_pb)


def test_another_definition_of_etcd_fits_into_the_same_process() -> None:
    assert rpc_pb2.DESCRIPTOR.package == "waypoint.etcd"
