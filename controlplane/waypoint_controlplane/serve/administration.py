"""waypoint.v1.Fleet."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from importlib import metadata
from typing import Protocol

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc.aio import ServicerContext

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.events import Chronicle
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import present
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import Refusal, invalid, shown
from waypoint_controlplane.serve.write import Writer
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import Freeze
from waypoint_core.registry import Absent, Condition, Delete, Operation, Put, Registry, Unchanged
from waypoint_core.status.reports import JournalReport

REMEDIATION = "remediation"
_MOST_LINES = 10_000
_ATTEMPTS = 5
_UNIT = re.compile(r"(?:waypoint[a-z-]*(?:@\d{1,4})?|etcd)\.(?:service|socket|target|slice)")
_SHORT = re.compile(r"(agent|proxy|controlplane|tzafonwright|firewall|browser@\d{1,4})")
_ALL = "waypoint*.service"


class Journals(Protocol):
    """Who reads journals."""

    def journal(self, host: str, unit: str, lines: int, *, follow: bool) -> AsyncIterator[JournalReport]:
        """Lines of a unit's journal, from its host."""


class Administration:
    """Implements the service."""

    def __init__(
        self,
        registry: Registry,
        follower: Follower,
        keys: Keys,
        *,
        peers: Journals,
        chronicle: Chronicle,
        name: str,
    ) -> None:
        self._registry = registry
        self._follower = follower
        self._fleet = follower.fleet
        self._keys = keys
        self._writer = Writer(registry, follower)
        self._peers = peers
        self._chronicle = chronicle
        self._name = name

    async def get_status(self, request: pb.GetStatusRequest, _: ServicerContext) -> pb.Status:
        """How the fleet's deciders fare."""
        return self._status()

    async def freeze(self, request: pb.FreezeRequest, _: ServicerContext) -> pb.Status:
        """Stop remediation."""
        frozen = Freeze(frozen=True, by=request.by or "an administrator", reason=request.reason, at=time.time())

        def decide(draft: Draft) -> bool:
            draft.require(self._seen()[1])
            draft.put(self._keys.freeze, frozen)
            return True

        await self._writer.write(decide)
        return self._status()

    async def unfreeze(self, request: pb.UnfreezeRequest, _: ServicerContext) -> pb.Status:
        """Let remediation go on."""
        for _ in range(_ATTEMPTS):
            freeze, condition = self._seen()
            # That nothing is frozen is asked as well: the tables may not show yet what another member wrote.
            changes = [self._thawing(freeze, request)] if freeze and freeze.frozen else []
            outcome = await self._registry.transact([condition], changes)
            if changes or not outcome.succeeded:
                await self._writer.catch_up(outcome.revision)
            if outcome.succeeded:
                return self._status()
        raise Refusal(grpc.StatusCode.ABORTED, "cannot unfreeze: others keep changing it; try again")

    def _seen(self) -> tuple[Freeze | None, Condition]:
        """What the tables show, on which condition. A broken value freezes nothing, and is written over."""
        key, row = self._keys.freeze, self._fleet.freeze
        broken = self._fleet.broken.get(key)
        revision = row.revision if row else broken.mod_revision if broken else 0
        return row.record if row else None, Unchanged(key, revision) if revision else Absent(key)

    def _thawing(self, frozen: Freeze, request: pb.UnfreezeRequest) -> Operation:
        """What the leader froze it would freeze again, were it not told otherwise."""
        if frozen.by != REMEDIATION:
            return Delete(self._keys.freeze)
        by = request.by or "an administrator"
        override = Freeze(frozen=False, by=by, reason=f"overrides: {frozen.reason}", at=time.time())
        return Put(self._keys.freeze, encode(override))

    async def watch_events(self, request: pb.WatchEventsRequest, _: ServicerContext) -> AsyncIterator[pb.Event]:
        """What happened, then what happens."""
        if not request.follow:
            for event in self._chronicle.past(request.past, request.host):
                yield present.event(event)
            return
        async for event in self._chronicle.follow(request.host, request.past):
            yield present.event(event)

    async def read_journal(self, request: pb.ReadJournalRequest, _: ServicerContext) -> AsyncIterator[pb.JournalLine]:
        """Lines of a journal."""
        if request.lines > _MOST_LINES:
            raise invalid(f"cannot read {request.lines} lines of a journal: {_MOST_LINES} at most")
        unit = _unit(request.unit)
        async for report in self._peers.journal(request.host, unit, request.lines, follow=request.follow):
            yield present.journal_line(report)

    def _status(self) -> pb.Status:
        fleet = self._fleet
        freeze = fleet.freeze.record if fleet.freeze else None
        staleness = Duration()
        staleness.FromMilliseconds(0 if fleet.synced else round(max(0.0, time.time() - fleet.current_at) * 1000))
        return pb.Status(
            leader=fleet.leader.record.name if fleet.leader else "",
            server=self._name,
            frozen=bool(freeze and freeze.frozen),
            frozen_by=freeze.by if freeze and freeze.frozen else "",
            freeze_reason=freeze.reason if freeze else "",
            staleness=staleness,
            members=[
                pb.Member(name=name, address=row.record.address, status_address=row.record.status)
                for name, row in sorted(fleet.members.items())
            ],
            proxies=[
                pb.Proxy(name=name, host=row.record.host, address=row.record.address, status_address=row.record.status)
                for name, row in sorted(fleet.proxies.items())
            ],
            version=metadata.version("waypoint"),
        )


def _unit(name: str) -> str:
    """The unit's full name; all of ours for "". Refusal for a unit that is none of ours."""
    if not name:
        return _ALL
    full = f"waypoint-{name}.service" if _SHORT.fullmatch(name) else name
    if not _UNIT.fullmatch(full):
        raise invalid(
            f"cannot read the journal of {shown(name)}: one of agent, proxy, controlplane, browser@SLOT, or the full "
            "name of a unit of WayPoint or etcd"
        )
    return full
