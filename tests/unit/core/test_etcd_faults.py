"""What each error of etcd and gRPC means; texts as they come from etcd 3.5.16 and grpcio 1.85."""

import grpc
import pytest

from waypoint_core.errors import LeaseLost, RegistryError, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd.faults import AuthDisabled, Compacted, FutureRevision, LeaseExists, Repeat, judge, judge_text

Code = grpc.StatusCode


@pytest.mark.parametrize(
    ("code", "details", "repeat", "error"),
    [
        # Certainly not carried out: repeat anything.
        (
            Code.UNAVAILABLE,
            "failed to connect to all addresses; last error: Connection refused",
            Repeat.ALWAYS,
            RegistryUnavailable,
        ),
        (Code.UNAVAILABLE, "etcdserver: no leader", Repeat.ALWAYS, RegistryUnavailable),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: too many requests", Repeat.ALWAYS, RegistryUnavailable),
        # Nobody knows: repeat what does no harm.
        (Code.UNAVAILABLE, "Socket closed", Repeat.IF_IDEMPOTENT, RegistryUnavailable),
        (Code.UNAVAILABLE, "etcdserver: request timed out", Repeat.IF_IDEMPOTENT, RegistryUnavailable),
        (Code.UNAVAILABLE, "etcdserver: leader changed", Repeat.IF_IDEMPOTENT, RegistryUnavailable),
        (Code.DEADLINE_EXCEEDED, "Deadline Exceeded", Repeat.IF_IDEMPOTENT, RegistryUnavailable),
        (Code.CANCELLED, "", Repeat.IF_IDEMPOTENT, RegistryUnavailable),
        (Code.UNKNOWN, "etcdserver: server stopped", Repeat.IF_IDEMPOTENT, RegistryUnavailable),
        # A matter of the token.
        (Code.UNAUTHENTICATED, "etcdserver: invalid auth token", Repeat.AFTER_SIGN_IN, RegistryRefused),
        (Code.INVALID_ARGUMENT, "etcdserver: revision of auth store is old", Repeat.AFTER_SIGN_IN, RegistryRefused),
        (Code.INVALID_ARGUMENT, "etcdserver: user name is empty", Repeat.AFTER_SIGN_IN, RegistryRefused),
        # Answers.
        (Code.PERMISSION_DENIED, "etcdserver: permission denied", Repeat.NEVER, RegistryRefused),
        (Code.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", Repeat.NEVER, RegistryRefused),
        (Code.INVALID_ARGUMENT, "etcdserver: request is too large", Repeat.NEVER, RegistryRefused),
        (Code.DATA_LOSS, "etcdserver: corrupt cluster", Repeat.NEVER, RegistryRefused),
        (Code.NOT_FOUND, "etcdserver: requested lease not found", Repeat.NEVER, LeaseLost),
        (Code.FAILED_PRECONDITION, "etcdserver: lease already exists", Repeat.NEVER, LeaseExists),
        (Code.FAILED_PRECONDITION, "etcdserver: authentication is not enabled", Repeat.NEVER, AuthDisabled),
        (Code.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Repeat.NEVER, Compacted),
        (
            Code.OUT_OF_RANGE,
            "etcdserver: mvcc: required revision is a future revision",
            Repeat.NEVER,
            FutureRevision,
        ),
    ],
)
def test_judge(code: grpc.StatusCode, details: str, repeat: Repeat, error: type[RegistryError]) -> None:
    fault = judge(code, details)
    assert (fault.repeat, fault.error) == (repeat, error)
    assert details in fault.reason


def test_a_full_database_comes_with_advice() -> None:
    assert "disarm the NOSPACE alarm" in judge(Code.RESOURCE_EXHAUSTED, "mvcc: database space exceeded").reason


def test_only_what_is_unavailable_is_tried_elsewhere() -> None:
    assert judge(Code.UNAVAILABLE, "Socket closed").elsewhere
    assert not judge(Code.PERMISSION_DENIED, "etcdserver: permission denied").elsewhere


def test_a_reason_to_cancel_a_watch_is_judged_like_an_error() -> None:
    assert judge_text("etcdserver: invalid auth token").repeat is Repeat.AFTER_SIGN_IN
    assert judge_text("").elsewhere
