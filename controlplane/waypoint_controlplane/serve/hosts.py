"""waypoint.v1.Hosts."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc.aio import ServicerContext

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import present
from waypoint_controlplane.serve.errors import Refusal, invalid, shown, unmet
from waypoint_controlplane.serve.wanted import Wanted
from waypoint_core.errors import ConfigError
from waypoint_core.flags import check_flags
from waypoint_core.keys import Keys
from waypoint_core.model import DesiredHost, HostState, InstanceState
from waypoint_core.registry import Registry

MAX_SLOTS = 1000
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?")
_LONGEST = 30 * 24 * 3600.0
_PROGRESS = 5.0


class Hosts:
    """Implements the service."""

    def __init__(self, registry: Registry, follower: Follower, keys: Keys) -> None:
        self._follower = follower
        self._fleet = follower.fleet
        self._wanted = Wanted(registry, follower, keys)

    async def list(self, request: pb.ListHostsRequest, _: ServicerContext) -> pb.ListHostsResponse:
        """All hosts with these labels."""
        hosts = [present.host(self._fleet, name) for name in self._fleet.hosts()]
        return pb.ListHostsResponse(hosts=[host for host in hosts if request.labels.items() <= host.labels.items()])

    async def get(self, request: pb.GetHostRequest, _: ServicerContext) -> pb.Host:
        """One host."""
        return self._shown(request.name)

    async def cordon(self, request: pb.CordonRequest, _: ServicerContext) -> pb.Host:
        """No new sessions."""
        await self._wanted.change(
            request.name, lambda host: replace(host, cordon=True, reason=request.reason, by=request.by)
        )
        return self._shown(request.name)

    async def uncordon(self, request: pb.UncordonRequest, _: ServicerContext) -> pb.Host:
        """New sessions again, also where it was drained."""
        await self._wanted.change(
            request.name, lambda host: replace(host, cordon=False, reason="", by="", drain_deadline=None)
        )
        return self._shown(request.name)

    async def drain(self, request: pb.DrainRequest, _: ServicerContext) -> AsyncIterator[pb.DrainProgress]:
        """Cordon, then tell how far it is."""
        deadline = _deadline(request.deadline) if request.HasField("deadline") else None

        def drained(host: DesiredHost) -> DesiredHost:
            until = host.drain_deadline if deadline is None and host.cordon else deadline
            reason, by = request.reason or host.reason, request.by or host.by
            return replace(host, cordon=True, drain_deadline=until, reason=reason, by=by)

        self._check_there(self._wanted.known(request.name))
        await self._wanted.change(request.name, drained)
        changed = asyncio.Event()
        with self._follower.listening(lambda change: changed.set()):
            told, told_at = None, 0.0
            while True:
                changed.clear()
                progress = self._progress(request.name)
                if progress != told or time.monotonic() >= told_at + _PROGRESS:
                    yield progress
                    told, told_at = progress, time.monotonic()
                if progress.drained:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(told_at + _PROGRESS - time.monotonic()):
                        await changed.wait()

    async def scale(self, request: pb.ScaleRequest, _: ServicerContext) -> pb.Host:
        """So many browsers."""
        slots = request.slots if request.HasField("slots") else None
        if slots is not None and slots > MAX_SLOTS:
            raise invalid(f"cannot run {slots} browsers on one host: {MAX_SLOTS} at most")
        await self._wanted.change(request.name, lambda host: replace(host, slots=slots))
        return self._shown(request.name)

    async def configure(self, request: pb.ConfigureRequest, _: ServicerContext) -> pb.Host:
        """Labels and browser flags."""
        for label in (*request.set_labels, *request.remove_labels):
            if not _LABEL.fullmatch(label):
                raise invalid(f"cannot use label {shown(label)}: letters, digits and ._/- within, at most 63")
        flags = tuple(request.browser_flags.flags) if request.HasField("browser_flags") else None
        try:
            check_flags(flags or ())
        except ConfigError as error:
            raise invalid(str(error)) from error

        def configured(host: DesiredHost) -> DesiredHost:
            labels = {**host.labels, **request.set_labels}
            kept = {name: value for name, value in labels.items() if name not in request.remove_labels}
            return replace(host, labels=kept, browser_flags=host.browser_flags if flags is None else flags)

        await self._wanted.change(request.name, configured)
        return self._shown(request.name)

    def _shown(self, name: str) -> pb.Host:
        return present.host(self._fleet, self._wanted.known(name))

    def _check_there(self, name: str) -> None:
        if self._fleet.host_state(name) is HostState.GONE:
            raise unmet(f"cannot drain {name}: it is gone")

    def _progress(self, name: str) -> pb.DrainProgress:
        state = self._fleet.host_state(name)
        desired = self._fleet.desired.get(name)
        if desired is None or not desired.record.cordon:
            raise Refusal(grpc.StatusCode.ABORTED, f"cannot go on draining {name}: somebody has taken the cordon back")
        self._check_there(name)
        left = sum(1 for _ in self._fleet.claims_on(name))
        return pb.DrainProgress(
            sessions_left=left,
            deadline=present.moment(desired.record.drain_deadline),
            drained=not left and not self._may_begin(name),
            state=present.host_state(state),
        )

    def _may_begin(self, name: str) -> bool:
        """Whether a session may still begin there: until its agent has closed a browser, a proxy may claim it."""
        found = (row.record for _, row in self._fleet.on_host(name))
        return name in self._fleet.alive and any(each.open and each.state is InstanceState.READY for each in found)


def _deadline(span: Duration) -> float:
    seconds = span.ToNanoseconds() / 1e9
    if not 0 <= seconds <= _LONGEST:
        raise invalid(f"cannot set a deadline {seconds:g} s from now: at least 0, at most 30 days")
    return time.time() + seconds
