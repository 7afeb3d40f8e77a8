"""waypoint.v1.Sessions."""

from __future__ import annotations

import random
import secrets
import uuid
from typing import Protocol

import grpc
from google.protobuf.duration_pb2 import Duration
from grpc.aio import ServicerContext

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import present
from waypoint_controlplane.serve.claim import is_a_proxys, is_free, proxy_for, require_claimable
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import Refusal, unmet
from waypoint_controlplane.serve.settle import attempt, settle
from waypoint_controlplane.serve.wanted import Wanted
from waypoint_controlplane.serve.write import Writer
from waypoint_core.keys import Keys, host_of
from waypoint_core.model import Claim, ClaimKind, HostState, InstanceType
from waypoint_core.registry import Present, Registry
from waypoint_core.settings import Settings
from waypoint_core.status.reports import SessionReport

_ID_BYTES = 18
_TRIES = 5


class Reporters(Protocol):
    """Who knows the sessions."""

    async def sessions(self) -> tuple[list[tuple[str, SessionReport]], list[str]]:
        """Reports with their proxies' names, and who could not be asked."""


class Sessions:
    """Implements the service."""

    def __init__(
        self, registry: Registry, follower: Follower, keys: Keys, peers: Reporters, settings: Settings
    ) -> None:
        self._fleet = follower.fleet
        self._keys = keys
        self._peers = peers
        self._open_timeout = settings.proxy.open_timeout
        self._writer = Writer(registry, follower)
        self._wanted = Wanted(registry, follower, keys)

    async def list(self, request: pb.ListSessionsRequest, _: ServicerContext) -> pb.ListSessionsResponse:
        """What the proxies report."""
        reports, missing = await self._peers.sessions()
        found = [
            present.session(proxy, report)
            for proxy, report in reports
            if (request.ended or not report.ended) and request.host in {"", host_of(report.instance)}
        ]
        return pb.ListSessionsResponse(sessions=found, missing=missing)

    async def open(self, request: pb.OpenSessionRequest, _: ServicerContext) -> pb.OpenSessionResponse:
        """Claim a browser for who connects to the URL."""
        if request.host and self._fleet.host_state(self._wanted.known(request.host)) is not HostState.READY:
            state = self._fleet.host_state(request.host)
            raise unmet(f"cannot open a session on {request.host}: it is {state}")
        refused: set[str] = set()
        for _try in range(_TRIES):
            browser = self._choose(request, refused)
            if browser is None:
                break
            session = secrets.token_urlsafe(_ID_BYTES)
            done = await self._writer.write(lambda draft, b=browser, s=session: self._claim(draft, b, s))  # type: ignore[misc]
            made = attempt(self._fleet, done) if done else None
            if made and await settle(self._writer, made):
                claim = made.found(self._fleet)
                if claim:
                    return self._opened(browser, session, claim)
            refused.add(browser)
        raise Refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, f"cannot open a session: {self._shortage()}")

    def _opened(self, browser: str, session: str, claim: Claim) -> pb.OpenSessionResponse:
        waits = Duration()
        waits.FromSeconds(round(self._open_timeout))
        proxy = self._fleet.proxies.get(claim.proxy)
        edge = proxy.record.tzafonwright if proxy else ""
        return pb.OpenSessionResponse(
            instance=browser,
            url=f"ws://{claim.address}/devtools/browser/{session}",
            tzafonwright_url=f"ws://{edge}/session/{session}" if edge else "",
            open_timeout=waits,
        )

    def _choose(self, request: pb.OpenSessionRequest, refused: set[str]) -> str | None:
        """One of the best few: what nobody has claimed before what a proxy may have in reserve."""
        found = [
            name
            for name, row in self._fleet.instances.items()
            if row.record.type is InstanceType.CHROME_BROWSER
            and name not in refused
            and request.host in {"", host_of(name)}
            and self._has_labels(host_of(name), request)
            and is_free(self._fleet, name)
        ]
        unclaimed = [name for name in found if not is_a_proxys(self._fleet, name)]
        return random.choice(unclaimed or found) if found else None  # noqa: S311 - spreads load, guards nothing

    def _has_labels(self, host: str, request: pb.OpenSessionRequest) -> bool:
        alive = self._fleet.alive.get(host)
        return alive is not None and request.labels.items() <= dict(alive.record.labels).items()

    def _claim(self, draft: Draft, browser: str, session: str) -> bool:
        if not is_free(draft.fleet, browser):
            return False
        proxy = proxy_for(draft.fleet, browser, draft.fleet.instances[browser].record)
        if proxy is None:
            return False
        require_claimable(draft, browser)
        draft.require_unchanged(browser)
        draft.require_living(browser)
        draft.require(Present(draft.keys.host_alive(host_of(browser))))
        draft.require(Present(proxy.row.key))
        claim = Claim(proxy.name, uuid.uuid4().hex, kind=ClaimKind.SESSION, session=session, at=draft.at)
        draft.put(draft.keys.claim(browser), claim)
        return True

    def _shortage(self) -> str:
        fleet: Fleet = self._fleet
        if not fleet.proxies:
            return "no proxy is alive to serve it; start waypoint-proxy on the hosts"
        states = [fleet.host_state(host) for host in fleet.hosts()]
        browsers = sum(row.record.type is InstanceType.CHROME_BROWSER for row in fleet.instances.values())
        cordoned = states.count(HostState.CORDONED) + states.count(HostState.DRAINING)
        return (
            f"no browser is free; there are {len(states)} hosts, {states.count(HostState.READY)} of them ready and "
            f"{cordoned} cordoned, with {len(fleet.proxies)} proxies and {browsers} browsers, {len(fleet.claims)} of "
            "them claimed; uncordon a host, or add slots with waypointctl scale"
        )
