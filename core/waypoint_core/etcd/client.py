"""EtcdRegistry: the registry on an etcd cluster, put together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Sequence

from waypoint_core.errors import RegistryError
from waypoint_core.etcd import kv, leases
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.channel import Endpoint
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.lease import EtcdLease
from waypoint_core.etcd.methods import DELETE_RANGE, PUT, RANGE, STATUS, TXN
from waypoint_core.etcd.metrics import EtcdMetrics
from waypoint_core.etcd.reads import snapshot
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.etcd.watch import Watch
from waypoint_core.registry import Condition, Entry, Listing, Operation, Outcome, WatchEvent
from waypoint_core.settings import EtcdSettings

log = logging.getLogger("waypoint.etcd")

OLDEST_SUPPORTED = (3, 5)
_VERSION_RETRY = 30.0


class EtcdRegistry:
    """A Registry; see there for the contracts. Leases that were not revoked outlive it by their TTL."""

    def __init__(self, endpoints: Endpoints, tasks: TaskOwner) -> None:
        self._endpoints = endpoints
        self._tasks = tasks

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(cls, settings: EtcdSettings, metrics: EtcdMetrics | None = None) -> AsyncIterator[EtcdRegistry]:
        """A registry that works as soon as etcd does; an outage at this moment is no error."""
        async with Endpoints.open(settings, metrics) as endpoints, TaskOwner() as tasks:
            for member in endpoints.members:
                tasks.start(_check_version(endpoints, member), name=f"etcd version {member.address}")
            yield cls(endpoints, tasks)

    async def get(self, key: str) -> Entry | None:
        """The entry, or None."""
        response = await self._endpoints.call(RANGE, pb.RangeRequest(key=kv.key_bytes(key)), idempotent=True)
        return kv.entry(response.kvs[0]) if response.kvs else None

    async def list(self, prefix: str) -> Listing:
        """All entries below prefix at one revision."""
        return (await snapshot(self._endpoints, prefix)).listing

    async def put(self, key: str, value: bytes, *, lease: int = 0) -> int:
        """Write one key; not repeated when its fate is unknown, since another may have written in between."""
        request = pb.PutRequest(key=kv.key_bytes(key), value=value, lease=lease)
        return (await self._endpoints.call(PUT, request, idempotent=False)).header.revision

    async def delete(self, key: str) -> bool:
        """Remove one key; not repeated when its fate is unknown."""
        request = pb.DeleteRangeRequest(key=kv.key_bytes(key))
        return (await self._endpoints.call(DELETE_RANGE, request, idempotent=False)).deleted > 0

    async def transact(
        self,
        conditions: Sequence[Condition],
        then: Sequence[Operation],
        otherwise: Sequence[Operation] = (),
    ) -> Outcome:
        """Run one of two branches atomically; only a transaction of reads is ever repeated."""
        request = kv.transaction(conditions, then, otherwise)
        idempotent = kv.only_reads([*then, *otherwise])
        return kv.outcome(await self._endpoints.call(TXN, request, idempotent=idempotent))

    async def lease(self, ttl: float) -> EtcdLease:
        """A new lease of ttl seconds (whole ones, rounded up), kept alive while this registry is connected."""
        lease = await EtcdLease.grant(self._endpoints, ttl)
        self._tasks.start(lease.keep(), name=f"etcd lease {lease.id:x}")
        return lease

    async def grant(self, ttl: float) -> int:
        """The id of a new lease of ttl seconds (whole ones, rounded up) that nobody keeps alive."""
        lease, _ = await leases.grant(self._endpoints, ttl)
        return lease

    async def renew(self, lease: int) -> None:
        """Start a lease's TTL anew."""
        await leases.sure(leases.renewal, self._endpoints, lease)

    async def remaining(self, lease: int) -> float:
        """Whole seconds that are left of a lease's TTL, rounded down."""
        return await leases.sure(leases.left, self._endpoints, lease)

    @contextlib.asynccontextmanager
    async def watch(self, prefix: str) -> AsyncIterator[AsyncIterator[WatchEvent]]:
        """Follow a prefix over a stream of its own on the shared channel."""
        watch = Watch(self._endpoints, prefix)
        async with TaskOwner() as tasks:
            tasks.start(watch.run(), name=f"etcd watch {prefix}")
            yield watch


async def _check_version(endpoints: Endpoints, member: Endpoint) -> None:
    """Log a member's version once it answers; a warning when it is no longer supported."""
    while True:
        try:
            version = (await endpoints.ask(member, STATUS, pb.StatusRequest())).version
        except RegistryError:
            await asyncio.sleep(_VERSION_RETRY * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        else:
            break
    if tuple(map(int, version.split(".")[:2])) < OLDEST_SUPPORTED:
        log.warning("etcd %s at %s is past its end of life: use 3.5 or newer", version, member.address)
    else:
        log.info("etcd %s at %s", version, member.address)
