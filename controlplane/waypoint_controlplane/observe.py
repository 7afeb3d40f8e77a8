"""What a leader sees beside the tables: how long things have been as they are, and whether suspect hosts answer."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator

import h11

from waypoint_controlplane.decide.decisions import Probe
from waypoint_controlplane.decide.observed import Answer, Observed
from waypoint_controlplane.fleet import Change, Fleet, pair
from waypoint_core.errors import StatusError, WaypointError
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import Beat, HostAlive, Instance, KillRequest
from waypoint_core.status.client import StatusClient
from waypoint_core.status.link import NotAnswered

log = logging.getLogger("waypoint.controlplane.observe")

Ask = Callable[[str], Awaitable[bool]]
"""Whether the status endpoint at this host:port answers; an error counts as no."""


def healthz(client: StatusClient, timeout: float) -> Ask:
    """Asks for /healthz. Whatever answers is alive, with a wrong certificate or a refusal too."""

    async def ask(status: str) -> bool:
        try:
            await client.get(status, "/healthz", timeout)
        except StatusError as error:
            return isinstance(error.__cause__, ssl.SSLError | h11.ProtocolError | NotAnswered)
        return True

    return ask


_STARTS_ANEW: dict[type, tuple[str, ...]] = {
    HostAlive: ("lost", "back"),
    Instance: ("missing",),
    Beat: ("stale",),
    KillRequest: ("dead",),
}


class Observer:
    """Observes for one term; tell it each change, and look() before deciding."""

    def __init__(
        self,
        fleet: Fleet,
        ask: Ask,
        probe_timeout: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._fleet = fleet
        self._ask = ask
        self._timeout = probe_timeout
        self._clock = clock
        self._wall = wall
        self._since: dict[str, float] = {}
        self._probes: dict[str, Answer] = {}
        self._probing: set[str] = set()
        self._evicted_at = float("-inf")

    def noticed(self, change: Change | None) -> None:
        """A row changed, or (None) whether the tables can be relied on: every span that this touches starts anew."""
        if change is None:
            if not self._fleet.synced:
                self._since.clear()
                self._probes.clear()
            return
        for what in _STARTS_ANEW.get(change.kind, ()):
            self._since.pop(f"{what} {change.name}", None)
        if change.kind is HostAlive:
            self._probes.pop(change.name, None)

    def look(self) -> Observed:
        """This moment."""
        now = self._clock()
        if self._fleet.synced:
            self._since = {what: self._since.get(what, now) for what in self._holding()}
        return Observed(
            now, self._wall(), dict(self._since), dict(self._probes), frozenset(self._probing), self._evicted_at
        )

    def evicted(self) -> None:
        """A host was declared gone just now."""
        self._evicted_at = self._clock()

    def begin(self, probe: Probe) -> None:
        """This host is being asked from now on; `probe` must follow."""
        self._probing.add(probe.host)

    async def probe(self, probe: Probe) -> None:
        """Ask a host, and remember what it said if it has been without its lease all the while."""
        lost = f"lost {probe.host}"
        began = self._since.get(lost)
        try:
            answered = await self._answers(probe.status)
        finally:
            self._probing.discard(probe.host)
        log.info("host %s %s at %s", probe.host, "answers" if answered else "does not answer", probe.status)
        if began is not None and self._since.get(lost) == began:
            self._probes[probe.host] = Answer(answered, self._clock())

    async def _answers(self, status: str) -> bool:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._ask(status)
        except (WaypointError, OSError) as error:  # TimeoutError is an OSError
            log.debug("cannot ask %s: %s", status, error)
            return False

    def _holding(self) -> Iterator[str]:
        fleet = self._fleet
        yield from (f"back {host}" for host in fleet.alive)
        yield from (f"lost {host}" for host in self._named_hosts() if host not in fleet.alive)
        registered = (name for name, _ in fleet.on_host(REGISTERED))
        yield from (f"stale {name}" for name in registered if name not in fleet.beats and name not in fleet.kills)
        ends = (name for bond in fleet.bindings for name in pair(bond))
        yield from (f"missing {name}" for name in ends if name not in fleet.instances)
        yield from (f"dead {name}" for name in fleet.kills if host_of(name) == REGISTERED)

    def _named_hosts(self) -> set[str]:
        """Hosts that some key names, whether or not anybody has ever seen them."""
        fleet = self._fleet
        named = {host_of(name) for bond in fleet.bindings for name in pair(bond)}
        named |= {host_of(name) for name in fleet.kills}
        return (named | fleet.claimed_hosts() | fleet.known.keys()) - {REGISTERED}
