"""The instance manager's changes as drafts, decided upon the fleet's tables. No I/O.

Each function drafts what it was asked for and returns True, or returns False: it cannot be done, another was first, or
somebody is dead. An instance that is not in the tables is a Refusal with NOT_FOUND.
"""

from __future__ import annotations

from collections.abc import Callable

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.claim import claim
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import invalid, not_found, shown
from waypoint_controlplane.serve.family import bind, parent_of, require_no_cycle
from waypoint_controlplane.serve.registration import Add, AddChildren, Intent, Kill, SetParent, SetServices, Update
from waypoint_controlplane.serve.rules import is_browser
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import Beat, Instance, InstanceState, InstanceType, KillRequest
from waypoint_core.registry import Absent

Decide = Callable[[Draft], bool]
"""Drafts a change and returns True; or returns False: it is not to be made."""

_REASON = "killed through the instance manager"
_BY = "instance manager"


def add(draft: Draft, wanted: Add, lease: int) -> bool:
    """Register it, with its bonds and a first heartbeat under this lease."""
    fleet, keys = draft.fleet, draft.keys
    record_key, kill_key = keys.instance(REGISTERED, wanted.id), keys.desired_instance(REGISTERED, wanted.id)
    if wanted.id in fleet.instances or wanted.id in fleet.kills or fleet.broken.keys() & {record_key, kill_key}:
        return False
    draft.require(Absent(record_key))
    draft.require(Absent(kill_key))
    record = Instance(
        wanted.type, InstanceState.READY, endpoints=wanted.endpoints, parent=wanted.parent, since=draft.at
    )
    draft.put(record_key, record)
    draft.put(keys.beat(wanted.id), Beat(draft.at), lease)
    if wanted.parent:
        if not _is_living(fleet, wanted.parent):
            return False
        draft.require_living(wanted.parent)
        bind(draft, wanted.parent, wanted.id)
    return all(_adopt(draft, wanted.id, child, above=wanted.parent) for child in wanted.children)


def update(draft: Draft, wanted: Update) -> bool:
    """Change it as all of the intents say; a heartbeat changes nothing here."""
    check_type(draft.fleet, wanted.id, wanted.type)
    if not _is_living(draft.fleet, wanted.id):
        return False
    done = all(_apply(draft, wanted.id, intent) for intent in wanted.intents)
    if done:
        _check_both(draft, wanted)
    return done


def check_type(fleet: Fleet, instance: str, kind: InstanceType | None) -> None:
    """A type that a client names for what is registered is the one it has."""
    row = fleet.instances.get(instance)
    if row and kind and kind is not row.record.type:
        raise invalid(
            f"cannot take {shown(instance)} for {kind.name}: it is {row.record.type.name}, which never changes; "
            "leave instance_type out"
        )


def _apply(draft: Draft, instance: str, intent: Intent) -> bool:
    match intent:
        case SetServices(endpoints=found):
            record = draft.fleet.instances[instance].record
            draft.require_living(instance)
            draft.rewrite(instance, endpoints={**record.endpoints, **found})
        case SetParent(parent=parent):
            return _is_living(draft.fleet, parent) and _adopt(draft, parent, instance, above=parent)
        case AddChildren(children=children):
            return all(_adopt(draft, instance, child, above=instance) for child in children)
        case Kill(kind=kind):
            draft.require_living(instance)
            key = draft.keys.desired_instance(host_of(instance), instance)
            draft.put(key, KillRequest(_REASON, kind, _BY, draft.at))
        case _:
            pass
    return True


def _adopt(draft: Draft, parent: str, child: str, above: str) -> bool:
    """Bind the child; above is the youngest of its ancestors-to-be that is in the tables, "" if there is none."""
    fleet = draft.fleet
    if not _is_living(fleet, child) or parent_of(fleet, child):
        return False
    if above:
        require_no_cycle(draft, above, child)
        draft.require_living(above)
    if is_browser(child):
        return claim(draft, child, parent)
    draft.require_unchanged(child)
    draft.require_living(child)
    draft.rewrite(child, parent=parent)
    bind(draft, parent, child)
    return True


def _check_both(draft: Draft, wanted: Update) -> None:
    """New children must not be ancestors of a new parent, which the tables do not show yet as the instance's."""
    parents = [intent.parent for intent in wanted.intents if isinstance(intent, SetParent)]
    children = [child for intent in wanted.intents if isinstance(intent, AddChildren) for child in intent.children]
    for parent in parents:
        for child in children:
            require_no_cycle(draft, parent, child)


def _is_living(fleet: Fleet, instance: str) -> bool:
    """Whether nobody has asked for its end. Refusal when it is not in the tables."""
    if instance not in fleet.instances:
        raise not_found(
            f"cannot find instance {shown(instance)}: register it first, or see GetAllInstances for what there is"
        )
    # One that cannot be read is a kill request all the same.
    return instance not in fleet.kills and fleet.keys.desired_instance(host_of(instance), instance) not in fleet.broken
