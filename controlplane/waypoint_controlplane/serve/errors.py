"""What a service raises when it does not do what it was asked."""

from __future__ import annotations

import grpc

from waypoint_core.errors import WaypointError

_SHOWN = 64


class Refusal(WaypointError):
    """The call ends with this status; the message says what was wrong and what to do."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def invalid(message: str) -> Refusal:
    """INVALID_ARGUMENT: the request itself is wrong."""
    return Refusal(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> Refusal:
    """NOT_FOUND: what the request names is not there."""
    return Refusal(grpc.StatusCode.NOT_FOUND, message)


def unmet(message: str) -> Refusal:
    """FAILED_PRECONDITION: something else has to change first."""
    return Refusal(grpc.StatusCode.FAILED_PRECONDITION, message)


def shown(text: str) -> str:
    """What somebody sent, quoted, and shortened where it is long, for a message."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def unavailable(message: str) -> Refusal:
    """UNAVAILABLE: who would have to do it is away; trying again may help."""
    return Refusal(grpc.StatusCode.UNAVAILABLE, message)
