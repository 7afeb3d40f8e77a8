"""The rules for single fields of the instance manager's messages; a breach is a Refusal with INVALID_ARGUMENT. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.serve.errors import invalid, shown
from waypoint_core.address import split
from waypoint_core.errors import ConfigError
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import InstanceType, KillKind

_LONGEST = 256
_SERVICES = {"chrome_debug_port_service": "cdp", "tzafonwright_service": "tzafonwright"}


def checked_id(instance: str, field: str) -> str:
    """The id itself if an instance may bear it."""
    if not instance:
        raise invalid(f"cannot tell which instance {field} means: its id is empty")
    if len(instance) > _LONGEST:
        raise invalid(f"cannot use the id in {field}: it has {len(instance)} characters, {_LONGEST} is the limit")
    if not instance.isprintable():
        raise invalid(f"cannot use the id {shown(instance)} in {field}: it has characters that cannot be printed")
    return instance


def is_browser(instance: str) -> bool:
    """Whether this is the id of a browser that an agent runs."""
    return host_of(instance) != REGISTERED


def optional_type(message: pb.InstanceDescription | pb.AllInstancesQuery) -> InstanceType | None:
    """The type that a message names; None where it names none."""
    number = message.instance_type
    if isinstance(message, pb.InstanceDescription) and not message.HasField("instance_type"):
        return None
    if number == pb.DEFAULT_INSTANCE_TYPE:
        raise invalid("cannot use DEFAULT_INSTANCE_TYPE: set instance_type to the type that is meant")
    if number not in pb.InstanceType.values():
        raise invalid(f"cannot use instance_type {number}: no such type is known")
    return InstanceType[pb.InstanceType.Name(number)]


def kill_kind(request: pb.KillInstanceRequest) -> KillKind:
    """The reason that a kill request gives; without one it is KILLED."""
    number = request.kill_reason
    if number == pb.DEFAULT_KILL_REASON:
        return KillKind.KILLED
    if number not in pb.KillReason.values():
        raise invalid(f"cannot use kill_reason {number}: no such reason is known")
    return KillKind[pb.KillReason.Name(number)]


def endpoints(services: pb.Services) -> dict[str, str]:
    """Endpoints by protocol, as host:port."""
    found = {
        name: _checked_address(getattr(services, field), f"services.{field}")
        for field, name in _SERVICES.items()
        if services.HasField(field)
    }
    if not found:
        raise invalid(f"cannot set no services: set one or more of {', '.join(_SERVICES)}, or leave services out")
    return found


def services(found: Mapping[str, str], at: pb.TimestampMs) -> pb.Services | None:
    """The reverse of `endpoints`; None where there are none."""
    message = pb.Services(timestamp_ms=at)
    known = {field: found[name] for field, name in _SERVICES.items() if name in found}
    for field, address in known.items():
        setattr(message, field, address)
    return message if known else None


def _checked_address(address: str, field: str) -> str:
    fine = len(address) <= _LONGEST and address.isprintable() and " " not in address and "/" not in address
    try:
        fine = fine and split(address)[1] > 0
    except ConfigError:
        fine = False
    if not fine:
        raise invalid(f"cannot use {shown(address)} as {field}: it is not host:port, with an IPv6 host in brackets")
    return address
