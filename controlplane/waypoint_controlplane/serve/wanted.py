"""Changing what is wanted of a host: read, change, write, unless somebody else was faster; then again."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import grpc

from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve.errors import Refusal, not_found, shown
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import DesiredHost
from waypoint_core.registry import Absent, Delete, Operation, Put, Registry, Unchanged

_ATTEMPTS = 5


class Wanted:
    """`desired/hosts/<h>` of every host."""

    def __init__(self, registry: Registry, follower: Follower, keys: Keys) -> None:
        self._registry = registry
        self._follower = follower
        self._fleet = follower.fleet
        self._keys = keys

    def known(self, host: str) -> str:
        """The name itself, of a host that was ever seen. Refusal otherwise, with the names that are near."""
        names = self._fleet.hosts()
        if host not in names:
            near = difflib.get_close_matches(host, names, n=3)
            hint = f"; there is {', '.join(near)}" if near else "; see: waypointctl get hosts"
            raise not_found(f"cannot find host {shown(host)}: no agent of that name was ever seen{hint}")
        return host

    async def change(self, host: str, change: Callable[[DesiredHost], DesiredHost]) -> None:
        """Write what change makes of it, once; then the tables show it. Refusal when others keep changing it."""
        self.known(host)
        key = self._keys.desired_host(host)
        for _ in range(_ATTEMPTS):
            row = self._fleet.desired.get(host)
            before = row.record if row else DesiredHost()
            after = change(before)
            if after == before:
                return
            # Whoever wants nothing of a host leaves no key.
            operation: Operation = Delete(key) if after == DesiredHost() else Put(key, encode(after))
            condition = Unchanged(key, row.revision) if row else Absent(key)
            outcome = await self._registry.transact([condition], [operation])
            await self._follower.reached(outcome.revision)
            if outcome.succeeded:
                return
        raise Refusal(
            grpc.StatusCode.ABORTED, f"cannot change what is wanted of {host}: others keep changing it; try again"
        )
