import pytest

from waypoint_core.errors import RegistryRefused
from waypoint_core.etcd import kv
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.registry import Absent, Delete, Entry, Get, Outcome, Present, Put, Removed, Unchanged, Written


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("/a/", (b"/a/", b"/a0")),
        ("a", (b"a", b"b")),
        ("", (b"\0", b"\0")),
        ("a\udcff", (b"a\xff", b"b")),
        ("\udcff\udcff", (b"\xff\xff", b"\0")),
    ],
)
def test_prefix_range(prefix: str, expected: tuple[bytes, bytes]) -> None:
    assert kv.prefix_range(prefix) == expected


@pytest.mark.parametrize("key", [b"/a", "/ü".encode(), b"/\xff\xfe", b""])
def test_every_key_survives_the_way_through_text(key: bytes) -> None:
    assert kv.key_bytes(kv.key_text(key)) == key


def test_event() -> None:
    stored = pb.KeyValue(key=b"/a", value=b"1", create_revision=2, mod_revision=3, version=2, lease=4)
    assert kv.event(pb.Event(kv=stored)) == Written(Entry("/a", b"1", 2, 3, 4))
    gone = pb.Event(type=pb.Event.DELETE, kv=pb.KeyValue(key=b"/a", mod_revision=5))
    assert kv.event(gone) == Removed("/a", 5)


def test_transaction() -> None:
    request = kv.transaction(
        [Absent("a"), Present("b"), Unchanged("c", 7)], [Put("d", b"1", lease=2), Delete("e")], [Get("f")]
    )
    assert request == pb.TxnRequest(
        compare=[
            pb.Compare(key=b"a", target="VERSION", result="EQUAL", version=0),
            pb.Compare(key=b"b", target="VERSION", result="GREATER", version=0),
            pb.Compare(key=b"c", target="MOD", result="EQUAL", mod_revision=7),
        ],
        success=[
            pb.RequestOp(request_put=pb.PutRequest(key=b"d", value=b"1", lease=2)),
            pb.RequestOp(request_delete_range=pb.DeleteRangeRequest(key=b"e")),
        ],
        failure=[pb.RequestOp(request_range=pb.RangeRequest(key=b"f"))],
    )


@pytest.mark.parametrize("part", range(3))
def test_no_part_of_a_transaction_has_more_than_a_hundred(part: int) -> None:
    parts: list[list[object]] = [[], [], []]
    parts[part] = [(Absent if part == 0 else Get)(str(number)) for number in range(101)]
    with pytest.raises(RegistryRefused, match="cannot run a transaction of 101 operations: 100 is the limit"):
        kv.transaction(*parts)  # type: ignore[arg-type]


def test_outcome() -> None:
    response = pb.TxnResponse(
        header=pb.ResponseHeader(revision=9),
        succeeded=True,
        responses=[
            pb.ResponseOp(response_put=pb.PutResponse()),
            pb.ResponseOp(response_range=pb.RangeResponse()),
            pb.ResponseOp(response_range=pb.RangeResponse(kvs=[pb.KeyValue(key=b"a", mod_revision=3)])),
        ],
    )
    assert kv.outcome(response) == Outcome(True, 9, (None, Entry("a", b"", 0, 3)))


def test_only_reads_may_be_repeated() -> None:
    assert kv.only_reads([Get("a"), Get("b")])
    assert not kv.only_reads([Get("a"), Delete("b")])
