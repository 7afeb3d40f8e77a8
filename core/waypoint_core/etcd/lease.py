"""A lease that is renewed in the background, through whichever member answers."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import Self

from waypoint_core.errors import LeaseLost, RegistryError
from waypoint_core.etcd import leases
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.methods import LEASE_REVOKE

log = logging.getLogger("waypoint.etcd.lease")


class EtcdLease:
    """A lease of ttl seconds. An outage, however long, does not make it lost: only the cluster's word does."""

    def __init__(self, endpoints: Endpoints, lease_id: int, ttl: float, alive_until: float) -> None:
        self._endpoints = endpoints
        self._id = lease_id
        self._ttl = ttl
        self._alive_until = alive_until
        self._lost = asyncio.Event()
        self._revoked = False
        self._denials = 0
        self._failing = False

    @classmethod
    async def grant(cls, endpoints: Endpoints, ttl: float) -> Self:
        """A new lease."""
        sent = time.monotonic()
        lease_id, granted = await leases.grant(endpoints, ttl)
        return cls(endpoints, lease_id, granted, sent + granted)

    @property
    def id(self) -> int:
        """The id to put keys under."""
        return self._id

    @property
    def ttl(self) -> float:
        """Seconds that the cluster grants at each renewal."""
        return self._ttl

    @property
    def lost(self) -> asyncio.Event:
        """Set once, when the cluster no longer knows the lease."""
        return self._lost

    @property
    def alive_until(self) -> float:
        """Until this time.monotonic() the lease certainly lives, counted from the sending of the last renewal."""
        return self._alive_until

    async def revoke(self) -> None:
        """End the lease and delete its keys; one that is gone already is no error."""
        self._revoked = True
        try:
            await self._endpoints.call(LEASE_REVOKE, pb.LeaseRevokeRequest(ID=self._id), idempotent=True)
        except LeaseLost:
            log.info("lease %x was gone before it was revoked", self._id)
        self._lost.set()

    async def keep(self) -> None:
        """Renew every ttl/4 until the cluster no longer knows the lease or it is revoked."""
        while not self._lost.is_set():
            await asyncio.sleep(self._pause())
            if not self._revoked:
                await self._renew()

    def _pause(self) -> float:
        hurry = self._failing or self._denials
        return (leases.SOON if hurry else self._ttl / 4) * random.uniform(0.8, 1.0)  # noqa: S311 - jitter

    async def _renew(self) -> None:
        sent = time.monotonic()
        try:
            granted = await leases.renewal(self._endpoints, self._id)
        except RegistryError as error:
            self._note_outage(error)
            return
        if granted is None:
            self._note_denied()
        else:
            self._note_renewed(sent + granted)

    def _note_renewed(self, alive_until: float) -> None:
        if self._failing:
            log.info("lease %x is being renewed again", self._id)
        self._alive_until = alive_until
        self._failing = False
        self._denials = 0

    def _note_outage(self, error: RegistryError) -> None:
        if not self._failing:
            log.warning("cannot renew lease %x for now: %s", self._id, error)
        self._failing = True

    def _note_denied(self) -> None:
        self._denials += 1
        if self._denials >= leases.DENIALS and not self._revoked:
            log.error("lost lease %x: etcd no longer knows it", self._id)
            self._endpoints.observer.lost_lease()
            self._lost.set()
