"""Who may become whose parent: nothing has two, and nobody is its own ancestor. No I/O.

The parent of what registered itself stands in its record for ever. A browser gets its parent together with its claim.
"""

from __future__ import annotations

from collections.abc import Iterator

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import invalid, shown, unmet
from waypoint_controlplane.serve.rules import is_browser
from waypoint_core.model import Binding
from waypoint_core.registry import Unchanged

_DEEPEST = 32


def parent_of(fleet: Fleet, instance: str) -> str:
    """Its parent, also one that is dead; "" if it never had one."""
    row = fleet.instances.get(instance)
    return fleet.parent(instance) or (row.record.parent if row else "")


def lineage(fleet: Fleet, instance: str) -> Iterator[str]:
    """The instance, its parent, and so on. Refusal when there is no end to it within reason."""
    for _ in range(_DEEPEST):
        yield instance
        instance = parent_of(fleet, instance)
        if not instance:
            return
    raise unmet(f"cannot bind below {_DEEPEST} ancestors: choose a parent that is higher up")


def bind(draft: Draft, parent: str, child: str) -> None:
    """Write the bond."""
    draft.put(draft.keys.binding(parent, child), Binding(draft.at))


def require_no_cycle(draft: Draft, parent: str, child: str) -> None:
    """The child is not among the parent's ancestors, and none of these gets another parent meanwhile.

    Two bonds that are made at one time would each see no cycle; so each compares what the other one writes.
    """
    for ancestor in lineage(draft.fleet, parent):
        if ancestor == child:
            raise invalid(f"cannot make {shown(parent)} the parent of {shown(child)}: it descends from it")
        _require_same_parent(draft, ancestor)


def _require_same_parent(draft: Draft, instance: str) -> None:
    if is_browser(instance):
        key = draft.keys.claim(instance)
        claim = draft.fleet.claims.get(instance)
        draft.require(Unchanged(key, claim.revision if claim else 0))
    elif instance in draft.fleet.instances:
        draft.require_unchanged(instance)
