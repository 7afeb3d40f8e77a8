"""Listings of any size, a page at a time at one revision."""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_core.errors import RegistryUnavailable
from waypoint_core.etcd import kv
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.faults import Compacted
from waypoint_core.etcd.methods import RANGE
from waypoint_core.registry import Entry, Listing

PAGE = 500
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A listing and the id of the cluster it came from."""

    cluster_id: int
    listing: Listing


async def snapshot(endpoints: Endpoints, prefix: str) -> Snapshot:
    """All entries below prefix at one revision, each page within the call deadline."""
    for _ in range(_ATTEMPTS):
        try:
            return await _pages(endpoints, prefix)
        except Compacted:
            continue
    raise RegistryUnavailable(f"cannot list {prefix!r}: it was compacted under each of {_ATTEMPTS} listings")


async def _pages(endpoints: Endpoints, prefix: str) -> Snapshot:
    start, end = kv.prefix_range(prefix)
    entries: list[Entry] = []
    request = pb.RangeRequest(key=start, range_end=end, limit=PAGE)
    page = first = await endpoints.call(RANGE, request, idempotent=True)
    entries.extend(map(kv.entry, page.kvs))
    while page.more:
        request.key = page.kvs[-1].key + b"\0"
        request.revision = first.header.revision
        page = await endpoints.call(RANGE, request, idempotent=True)
        if page.header.cluster_id != first.header.cluster_id:
            raise RegistryUnavailable(f"cannot list {prefix!r}: the endpoints belong to different clusters")
        entries.extend(map(kv.entry, page.kvs))
    return Snapshot(first.header.cluster_id, Listing(tuple(entries), first.header.revision))
