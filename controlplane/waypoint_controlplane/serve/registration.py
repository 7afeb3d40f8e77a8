"""What a description may ask of the instance manager: the rules for its fields, as a small closed set of intents. Pure.

A mixture that has no meaning is a Refusal with INVALID_ARGUMENT that names the fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.serve.errors import invalid, shown
from waypoint_controlplane.serve.rules import checked_id, endpoints, is_browser, kill_kind, optional_type
from waypoint_core.model import InstanceType, KillKind

_METRICS = ("proxy_metrics", "system_metrics", "gpu_metrics", "llm_metrics")
_CHILDREN = 15


@dataclass(frozen=True, slots=True)
class Add:
    """Register an instance of this type, with what it has from the start."""

    id: str
    type: InstanceType
    endpoints: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """It is healthy."""


@dataclass(frozen=True, slots=True)
class SetParent:
    """Bind it to a parent; a browser is claimed by that."""

    parent: str


@dataclass(frozen=True, slots=True)
class AddChildren:
    """Bind these to it; a browser, which comes alone, is claimed by that."""

    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetServices:
    """It answers at these endpoints, beside those it gave before."""

    endpoints: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kill:
    """End it."""

    kind: KillKind


Intent = Heartbeat | SetParent | AddChildren | SetServices | Kill


@dataclass(frozen=True, slots=True)
class Update:
    """What is asked for an instance, in this order; type is what the client takes it for, None if it does not say."""

    id: str
    intents: tuple[Intent, ...]
    type: InstanceType | None = None


def to_add(description: pb.InstanceDescription) -> Add:
    """What TryAddInstance is asked for."""
    given = _given(description)
    instance = _own_id(description)
    _refuse(given, {"created_timestamp_ms"}, "the server sets it: leave it out")
    _refuse(given, {"kill_instance_request", "health_check"}, "add the instance first, then send it in an update")
    _refuse(given, set(_METRICS), "metrics go to PostInstanceDescription, after the instance was added")
    if is_browser(instance):
        raise invalid(f"cannot add {shown(instance)}: ids of this form are for the browsers that agents run")
    kind = optional_type(description)
    if kind is None:
        raise invalid("cannot add an instance without instance_type: set it")
    found = endpoints(description.services) if "services" in given else {}
    parent, children = _parent(description, given), _children(description, given)
    _check_family(instance, parent, children)
    return Add(instance, kind, found, parent, children)


def to_update(description: pb.InstanceDescription) -> Update:
    """What TryUpdateInstanceDescription is asked for."""
    given = _given(description)
    instance = _own_id(description)
    _refuse(given, {"created_timestamp_ms"}, "it never changes: leave it out")
    _refuse(given, set(_METRICS), "metrics go to PostInstanceDescription")
    wanted = given - {"instance_id", "instance_type"}
    if not wanted:
        raise invalid(
            "cannot update nothing: set health_check, services, parent, children, or kill_instance_request alone"
        )
    if "kill_instance_request" in wanted:
        _refuse(wanted, wanted - {"kill_instance_request"}, "kill_instance_request goes alone")
        return Update(instance, (Kill(kill_kind(description.kill_instance_request)),), optional_type(description))
    _check_claims(instance, description, wanted)
    return Update(instance, tuple(_intents(instance, description, wanted)), optional_type(description))


def to_post(description: pb.InstanceDescription) -> tuple[str, InstanceType | None]:
    """The instance whose metrics PostInstanceDescription brings, and what the client takes it for."""
    given = _given(description)
    instance = _own_id(description)
    metrics = set(_METRICS)
    _refuse(given, given - metrics - {"instance_id", "instance_type"}, "only metrics are posted")
    if not given & metrics:
        raise invalid(f"cannot post nothing: set one or more of {', '.join(_METRICS)}")
    return instance, optional_type(description)


def to_query(query: pb.AllInstancesQuery) -> InstanceType:
    """The type that a list or a subscription is for."""
    kind = optional_type(query)
    if kind is None:
        raise invalid("cannot tell which instances are meant: set instance_type")
    return kind


def _given(description: pb.InstanceDescription) -> set[str]:
    return {name.name for name, _ in description.ListFields()}


def _refuse(given: set[str], wrong: set[str], advice: str) -> None:
    if found := sorted(given & wrong):
        raise invalid(f"cannot take {', '.join(found)} here: {advice}")


def _own_id(description: pb.InstanceDescription) -> str:
    return checked_id(description.instance_id.instance_id, "instance_id")


def _intents(instance: str, description: pb.InstanceDescription, wanted: set[str]) -> Iterable[Intent]:
    parent, children = _parent(description, wanted), _children(description, wanted)
    _check_family(instance, parent, children)
    if "services" in wanted:
        yield SetServices(endpoints(description.services))
    if parent:
        yield SetParent(parent)
    if children:
        yield AddChildren(children)
    if "health_check" in wanted:
        yield Heartbeat()


def _parent(description: pb.InstanceDescription, given: set[str]) -> str:
    return checked_id(description.parent.instance_id.instance_id, "parent") if "parent" in given else ""


def _children(description: pb.InstanceDescription, given: set[str]) -> tuple[str, ...]:
    if "children" not in given:
        return ()
    children = tuple(checked_id(child.instance_id.instance_id, "children") for child in description.children.children)
    if not children:
        raise invalid("cannot add no children: name one or more in children, or leave it out")
    if len(children) > _CHILDREN:
        raise invalid(
            f"cannot add {len(children)} children at once: {_CHILDREN} is the limit, add them in several calls"
        )
    if len(set(children)) < len(children):
        raise invalid("cannot add a child twice: children names one more than once")
    return children


def _check_family(instance: str, parent: str, children: tuple[str, ...]) -> None:
    if parent == instance:
        raise invalid(f"cannot make {shown(instance)} its own parent: parent and instance_id are the same")
    if instance in children:
        raise invalid(f"cannot make {shown(instance)} its own child: children names instance_id")
    if parent and parent in children:
        raise invalid(f"cannot make {shown(parent)} parent and child of the same: parent and children both name it")
    if len(children) > 1 and any(map(is_browser, children)):
        raise invalid("cannot claim a browser together with other children: name it alone in children")


def _check_claims(instance: str, description: pb.InstanceDescription, wanted: set[str]) -> None:
    """A claim waits for a proxy and may be taken back: nothing else hangs on it, except a heartbeat."""
    if is_browser(instance):
        _refuse(wanted, {"services"}, f"{shown(instance)} is a browser, and its host says where it answers")
    claims = is_browser(instance) and "parent" in wanted
    claims = claims or any(is_browser(child.instance_id.instance_id) for child in description.children.children)
    changes = wanted & {"services", "parent", "children"}
    if claims and len(changes) > 1:
        raise invalid(
            f"cannot claim a browser and change something else at once ({', '.join(sorted(changes))}): use two calls"
        )
