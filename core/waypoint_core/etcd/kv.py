"""Registry records to etcd messages and back; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import assert_never

from waypoint_core.errors import RegistryRefused
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.registry import (
    MAX_OPERATIONS,
    Absent,
    Condition,
    Delete,
    Entry,
    Get,
    Operation,
    Outcome,
    Present,
    Put,
    Removed,
    Unchanged,
    Written,
)


def key_bytes(key: str) -> bytes:
    """The key as etcd stores it."""
    return key.encode("utf-8", "surrogateescape")


def key_text(key: bytes) -> str:
    """The key as text; bytes that are not UTF-8 survive the way back, since a stranger's key must not stop a watch."""
    return key.decode("utf-8", "surrogateescape")


def prefix_range(prefix: str) -> tuple[bytes, bytes]:
    """The (key, range_end) that covers a prefix; the empty prefix covers everything."""
    start = key_bytes(prefix)
    stem = start.rstrip(b"\xff")
    if not stem:
        return start or b"\0", b"\0"
    return start, stem[:-1] + bytes([stem[-1] + 1])


def entry(kv: pb.KeyValue) -> Entry:
    """A stored key as a record."""
    return Entry(key_text(kv.key), kv.value, kv.create_revision, kv.mod_revision, kv.lease)


def event(message: pb.Event) -> Written | Removed:
    """One change of one key."""
    if message.type == pb.Event.DELETE:
        return Removed(key_text(message.kv.key), message.kv.mod_revision)
    return Written(entry(message.kv))


def transaction(
    conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation]
) -> pb.TxnRequest:
    """The request for a transaction; RegistryRefused past 100 conditions or operations a branch."""
    size = max(len(conditions), len(then), len(otherwise))
    if size > MAX_OPERATIONS:
        raise RegistryRefused(f"cannot run a transaction of {size} operations: {MAX_OPERATIONS} is the limit")
    return pb.TxnRequest(
        compare=[_compare(condition) for condition in conditions],
        success=[_operation(operation) for operation in then],
        failure=[_operation(operation) for operation in otherwise],
    )


def only_reads(operations: Iterable[Operation]) -> bool:
    """Whether running these twice is the same as once."""
    return all(isinstance(operation, Get) for operation in operations)


def outcome(response: pb.TxnResponse) -> Outcome:
    """What a transaction did."""
    ranges = (each.response_range for each in response.responses if each.HasField("response_range"))
    reads = tuple(entry(found.kvs[0]) if found.kvs else None for found in ranges)
    return Outcome(response.succeeded, response.header.revision, reads)


def _compare(condition: Condition) -> pb.Compare:
    key = key_bytes(condition.key)
    match condition:
        case Absent():
            return pb.Compare(key=key, target=pb.Compare.VERSION, result=pb.Compare.EQUAL, version=0)
        case Present():
            return pb.Compare(key=key, target=pb.Compare.VERSION, result=pb.Compare.GREATER, version=0)
        case Unchanged(mod_revision=seen):
            return pb.Compare(key=key, target=pb.Compare.MOD, result=pb.Compare.EQUAL, mod_revision=seen)
        case _:
            assert_never(condition)


def _operation(operation: Operation) -> pb.RequestOp:
    key = key_bytes(operation.key)
    match operation:
        case Put(value=value, lease=lease):
            return pb.RequestOp(request_put=pb.PutRequest(key=key, value=value, lease=lease))
        case Delete():
            return pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=key))
        case Get():
            return pb.RequestOp(request_range=pb.RangeRequest(key=key))
        case _:
            assert_never(operation)
