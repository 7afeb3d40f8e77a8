"""What an error from etcd or from gRPC means for the caller; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

import grpc

from waypoint_core.errors import LeaseLost, RegistryError, RegistryRefused, RegistryUnavailable


class Compacted(RegistryRefused):
    """The history asked for is no longer kept."""


class FutureRevision(RegistryRefused):
    """The revision asked for has not happened yet in this history."""


class LeaseExists(RegistryRefused):
    """The lease id is taken."""


class AuthDisabled(RegistryRefused):
    """The cluster asks nobody for a password."""


class Repeat(Enum):
    """When the same request may be sent again."""

    ALWAYS = "it was certainly not carried out"
    IF_IDEMPOTENT = "nobody knows whether it was carried out"
    AFTER_SIGN_IN = "it was not carried out for want of a valid token"
    NEVER = "the answer would be the same"


@dataclass(frozen=True, slots=True)
class Fault:
    """One failed attempt: whether to repeat it, what to raise if not, and the cause in words."""

    repeat: Repeat
    error: type[RegistryError]
    reason: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether another member may do better."""
        return self.error is RegistryUnavailable


_UNSENT = Fault(Repeat.ALWAYS, RegistryUnavailable)
_UNKNOWN = Fault(Repeat.IF_IDEMPOTENT, RegistryUnavailable)
_SIGN_IN = Fault(Repeat.AFTER_SIGN_IN, RegistryRefused)
_REFUSED = Fault(Repeat.NEVER, RegistryRefused)

_BY_TEXT = {
    # All that gRPC says of a TLS 1.3 alert after the handshake, such as "certificate required" and "unknown CA".
    "TSI_DATA_CORRUPTED": replace(_UNSENT, reason="it refuses our certificate, or misses one"),
    "CERTIFICATE_VERIFY_FAILED": replace(_UNSENT, reason="its certificate was not issued by our CA for this address"),
    "failed to connect to all addresses": _UNSENT,
    "etcdserver: no leader": _UNSENT,
    "etcdserver: too many requests": _UNSENT,
    "rpc not supported for learner": _UNSENT,
    "invalid auth token": _SIGN_IN,
    "revision of auth store is old": _SIGN_IN,
    "user name is empty": _SIGN_IN,
    "authentication is not enabled": Fault(Repeat.NEVER, AuthDisabled),
    "required revision has been compacted": Fault(Repeat.NEVER, Compacted),
    "required revision is a future revision": Fault(Repeat.NEVER, FutureRevision),
    "requested lease not found": Fault(Repeat.NEVER, LeaseLost),
    "lease already exists": Fault(Repeat.NEVER, LeaseExists),
    "database space exceeded": Fault(
        Repeat.NEVER,
        RegistryRefused,
        "its space quota is used up; compact and defragment it, then disarm the NOSPACE alarm",
    ),
}

_UNKNOWN_FATE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.ABORTED,
}


def judge(code: grpc.StatusCode, details: str) -> Fault:
    """What a status means; texts are etcd's own and gRPC's for a connection that was never made."""
    for text, fault in _BY_TEXT.items():
        if text in details:
            return replace(fault, reason=f"{fault.reason} ({details})" if fault.reason else details)
    fault = _UNKNOWN if code in _UNKNOWN_FATE else _REFUSED
    return replace(fault, reason=f"{code.name}: {details}" if details else code.name)


def judge_text(details: str) -> Fault:
    """What a cancelled watch's reason means; one that is not known may be gone when tried again."""
    return judge(grpc.StatusCode.UNKNOWN, details)
