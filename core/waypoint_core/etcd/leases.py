"""What can be asked of the cluster about a lease, one question at a time."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import Awaitable, Callable

from waypoint_core.errors import LeaseLost
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.faults import LeaseExists
from waypoint_core.etcd.methods import LEASE_GRANT, LEASE_KEEP_ALIVE, LEASE_TIME_TO_LIVE

log = logging.getLogger("waypoint.etcd.leases")

# A member that has just restarted may not know a lease that its log still holds (etcd 3.4): one denial is no proof.
DENIALS = 2
SOON = 0.5


async def grant(endpoints: Endpoints, ttl: float) -> tuple[int, float]:
    """A new lease's id and TTL; the id is chosen here, so that an attempt whose answer was lost can be repeated."""
    request = pb.LeaseGrantRequest(TTL=math.ceil(ttl), ID=random.randrange(1, 2**63))  # noqa: S311 - no secret
    try:
        return request.ID, float((await endpoints.call(LEASE_GRANT, request, idempotent=True)).TTL)
    except LeaseExists:
        log.info("lease %x was granted by an attempt whose answer was lost", request.ID)
        return request.ID, float(request.TTL)


async def renewal(endpoints: Endpoints, lease: int) -> float | None:
    """The TTL that starts anew; None when the lease is unknown to who answered."""
    response = await endpoints.call(LEASE_KEEP_ALIVE, pb.LeaseKeepAliveRequest(ID=lease), idempotent=True)
    return float(response.TTL) if response.TTL > 0 else None


async def left(endpoints: Endpoints, lease: int) -> float | None:
    """What is left of the TTL; None when the lease is unknown to who answered."""
    response = await endpoints.call(LEASE_TIME_TO_LIVE, pb.LeaseTimeToLiveRequest(ID=lease), idempotent=True)
    if not response.grantedTTL:
        return None
    # A member that does not count the time, having just lost the lead, tells of a lease that never ends.
    return float(min(max(response.TTL, 0), response.grantedTTL))


async def sure(ask: Callable[[Endpoints, int], Awaitable[float | None]], endpoints: Endpoints, lease: int) -> float:
    """The answer to one of the questions above, asked again after a denial; LeaseLost when it is denied again."""
    for attempt in range(DENIALS):
        if attempt:
            await asyncio.sleep(SOON * random.uniform(0.8, 1.0))  # noqa: S311 - jitter
        if (answer := await ask(endpoints, lease)) is not None:
            return answer
    raise LeaseLost(f"cannot find lease {lease:x}: etcd no longer knows it")
