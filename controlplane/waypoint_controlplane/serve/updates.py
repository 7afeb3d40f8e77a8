"""What the subscribers of one type are told, from the fleet's changes. No I/O.

Each instance comes once and goes once, whatever happens in between: the registry's outages, hosts that are lost for a
while, listings in another order. So what has been told is remembered, and compared with what lives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.fleet import REPUBLISHED, Change, Fleet, pair
from waypoint_controlplane.serve.living import lives
from waypoint_controlplane.serve.rules import is_browser
from waypoint_core.keys import host_of
from waypoint_core.model import Binding, HostAlive, Instance, InstanceType, KillRequest, KnownHost


@dataclass(frozen=True, slots=True)
class Update:
    """Something that happened to an instance."""

    instance: str
    event: pb.EventType


class Updates:
    """Updates for the subscribers of one type. Those that live at the start are known to them."""

    def __init__(self, fleet: Fleet, kind: InstanceType) -> None:
        self._fleet = fleet
        self._kind = kind
        self._told = {name for name in fleet.instances if lives(fleet, name, kind)}
        self._lost: dict[str, set[str]] = {}
        self._back: dict[str, float] = {}

    def take(self, change: Change, now: float) -> Iterator[Update]:
        """What a change means; now is monotonic."""
        if change.kind in {Instance, KillRequest}:
            known = change.name in self._told
            yield from self._compare(change.name)
            if known and change.kind is Instance and change.name in self._told:
                yield from self._services(change)
        elif change.kind is Binding and change.before is None:
            yield from self._bond(*pair(change.name))
        elif change.kind is HostAlive:
            self._note_host(change.name, now)
        elif change.kind is KnownHost:
            # What is there of a host lives or not, as that is gone or not.
            for name, _ in self._fleet.on_host(change.name):
                yield from self._compare(name)
        yield from self._missing(now)

    def _compare(self, name: str) -> Iterator[Update]:
        alive = lives(self._fleet, name, self._kind)
        if alive and name not in self._told:
            self._told.add(name)
            yield from self._arrival(name)
        elif alive:
            self._lost.get(host_of(name), set()).discard(name)
        elif name in self._told:
            yield from self._departure(name)

    def _arrival(self, name: str) -> Iterator[Update]:
        yield Update(name, pb.ADDED)
        if self._fleet.instances[name].record.endpoints:
            yield Update(name, pb.SERVICE_ADDED)
        # In a listing bonds come before the instances that they bind.
        if self._fleet.parent(name):
            yield Update(name, pb.PARENT_ADDED)
        for _ in self._fleet.children(name):
            yield Update(name, pb.CHILD_ADDED)

    def _departure(self, name: str) -> Iterator[Update]:
        host = host_of(name)
        if is_browser(name) and name not in self._fleet.instances and host not in self._fleet.alive:
            # Its host's lease is lost, and its keys with it; it lives on until its host is declared gone.
            self._lost.setdefault(host, set()).add(name)
            return
        yield self._gone(name)

    def _gone(self, name: str) -> Update:
        self._told.discard(name)
        return Update(name, pb.REMOVED)

    def _services(self, change: Change) -> Iterator[Update]:
        if change.after and change.before and change.after.record.endpoints.keys() - change.before.record.endpoints:
            yield Update(change.name, pb.SERVICE_ADDED)

    def _bond(self, parent: str, child: str) -> Iterator[Update]:
        if parent in self._told:
            yield Update(parent, pb.CHILD_ADDED)
        if child in self._told:
            yield Update(child, pb.PARENT_ADDED)

    def _note_host(self, host: str, now: float) -> None:
        if host not in self._fleet.alive:
            self._back.pop(host, None)
        elif host in self._lost:
            self._back.setdefault(host, now)

    def _missing(self, now: float) -> Iterator[Update]:
        """What was lost with its host and did not come back with it, or never will."""
        for host in list(self._lost):
            returned = self._back.get(host)
            known = self._fleet.known.get(host)
            if not self._lost[host]:
                del self._lost[host]
            elif (returned is not None and now - returned >= REPUBLISHED) or (known and known.record.state == "gone"):
                for name in sorted(self._lost.pop(host)):
                    yield self._gone(name)
