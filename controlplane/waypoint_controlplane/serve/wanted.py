"""Changing what is wanted of a host: read, change, write, unless somebody else was faster; then again."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Callable
from contextlib import suppress

import grpc

from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve.errors import Refusal, not_found, shown
from waypoint_core.codec import decode, encode
from waypoint_core.errors import CodecError
from waypoint_core.keys import Keys
from waypoint_core.model import DesiredHost
from waypoint_core.registry import Absent, Delete, Entry, Get, Operation, Put, Registry, Unchanged

_ATTEMPTS = 5
_CATCH_UP = 2.0
log = logging.getLogger("waypoint.controlplane.wanted")


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
        row = self._fleet.desired.get(host)
        before, revision = (row.record, row.revision) if row else (DesiredHost(), 0)
        for _ in range(_ATTEMPTS):
            after = change(before)
            condition = Unchanged(key, revision) if revision else Absent(key)
            # That nothing is to be done is asked as well: the tables may not show yet what another member wrote.
            changes = [] if after == before and not self._is_broken(key) else [_operation(key, after)]
            outcome = await self._registry.transact([condition], changes, [Get(key)])
            if outcome.succeeded:
                if changes:
                    await self._shown(outcome.revision)
                return
            before, revision = _found(outcome.reads[0])
        raise Refusal(
            grpc.StatusCode.ABORTED, f"cannot change what is wanted of {host}: others keep changing it; try again"
        )

    def _is_broken(self, key: str) -> bool:
        return key in self._fleet.broken

    async def _shown(self, revision: int) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP):
                await self._follower.reached(revision)


def _operation(key: str, wanted: DesiredHost) -> Operation:
    """Whoever wants nothing of a host leaves no key."""
    return Delete(key) if wanted == DesiredHost() else Put(key, encode(wanted))


def _found(entry: Entry | None) -> tuple[DesiredHost, int]:
    """What is wanted by this entry; what cannot be read wants nothing, and is written over."""
    if entry is None:
        return DesiredHost(), 0
    try:
        return decode(DesiredHost, entry.value, entry.key), entry.mod_revision
    except CodecError as error:
        log.warning("%s; it is written over", error)
        return DesiredHost(), entry.mod_revision
