"""Which browsers this proxy could give to a client: a table folded from the registry's watch. Pure."""

from __future__ import annotations

import logging
import math
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from waypoint_core.codec import decode
from waypoint_core.errors import CodecError
from waypoint_core.keys import Keys
from waypoint_core.model import Claim, HostAlive, HostSummary, Instance, InstanceState, InstanceType, ProxyAlive
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, WatchEvent, Written

_FEW = 16
log = logging.getLogger("waypoint.proxy.route")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A browser as the registry shows it; mod_revision is its key's."""

    instance: str
    host: str
    endpoint: str
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Outage:
    """The registry cannot be followed since then, in seconds since the epoch, and why."""

    since: float
    reason: str


class Table:
    """Hosts, instances, claims and proxies, as of the last watch event."""

    def __init__(self, keys: Keys, host: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._host = host
        self._clock = clock
        self._alive: set[str] = set()
        self._ready: dict[str, Candidate] = {}
        self._claimed: set[str] = set()
        self._proxies: dict[str, ProxyAlive] = {}
        self.outage: Outage | None = Outage(clock(), "not read yet")

    def apply(self, event: WatchEvent) -> None:
        """Fold one event of a watch on the whole prefix; a broken value is logged and counts as absent."""
        match event:
            case Written(entry):
                self._write(entry)
            case Removed(key):
                self._remove(key)
            case Synced():
                self.outage = None
            case Stale(reason) | Rewound(reason):
                since = self.outage.since if self.outage else self._clock()
                self.outage = Outage(since, reason)

    def candidates(self) -> Iterator[Candidate]:
        """Every browser that could be claimed now."""
        return (
            candidate
            for instance, candidate in self._ready.items()
            if instance not in self._claimed and candidate.host in self._alive and self._reachable(candidate)
        )

    def choose(self, wanted: Callable[[Candidate], bool] = lambda _: True) -> Candidate | None:
        """One of the best few at random (always the first one would make claimers collide); None: there is none."""
        best = list(islice(filter(wanted, self.candidates()), _FEW))
        return random.choice(best) if best else None  # noqa: S311 - spreads load, guards nothing

    @property
    def host_alive(self) -> bool:
        """Whether this host's agent is known to live."""
        return self._host in self._alive

    def fair_share(self, held: int) -> int:
        """How many browsers this proxy may reserve when it already has `held`: its part of all that are ready."""
        ready = held + sum(1 for _ in self.candidates())
        rivals = sum(proxy.host == self._host for proxy in self._proxies.values())
        return math.ceil(ready / max(1, rivals))

    def _reachable(self, candidate: Candidate) -> bool:
        # Browsers of other hosts come with the gateway: their agents hold for their own host's proxy only.
        return candidate.host == self._host

    def _write(self, entry: Entry) -> None:
        try:
            self._fold(entry)
        except CodecError as error:
            log.warning("ignored: %s", error)
            # Whatever a claim says, its being there means that the browser is somebody's.
            if not entry.key.startswith(self._keys.claims):
                self._remove(entry.key)

    def _fold(self, entry: Entry) -> None:
        key, keys = entry.key, self._keys
        if key.startswith(keys.instances):
            host, instance = self._pair(key, keys.instances)
            record = decode(Instance, entry.value, key)
            self._ready.pop(instance, None)
            if _takes_clients(record):
                self._ready[instance] = Candidate(instance, host, record.endpoints["cdp"], entry.mod_revision)
        elif key.startswith(keys.claims):
            self._claimed.add(key.removeprefix(keys.claims))
            decode(Claim, entry.value, key)
        elif key.startswith(keys.hosts) and key.endswith("/alive"):
            decode(HostAlive, entry.value, key)
            self._alive.add(self._pair(key, keys.hosts)[0])
        elif key.startswith(keys.hosts) and key.endswith("/summary"):
            decode(HostSummary, entry.value, key)
        elif key.startswith(keys.proxies):
            self._proxies[key] = decode(ProxyAlive, entry.value, key)

    def _remove(self, key: str) -> None:
        keys = self._keys
        if key.startswith(keys.instances):
            self._ready.pop(key.rpartition("/")[2], None)
        elif key.startswith(keys.claims):
            self._claimed.discard(key.removeprefix(keys.claims))
        elif key.startswith(keys.hosts) and key.endswith("/alive"):
            self._alive.discard(key.removeprefix(keys.hosts).removesuffix("/alive"))
        elif key.startswith(keys.proxies):
            self._proxies.pop(key, None)

    def _pair(self, key: str, below: str) -> tuple[str, str]:
        match self._keys.parts(key, below):
            case (first, second):
                return first, second
        raise CodecError(f"cannot read key {key!r}: it has not two parts below {below!r}")


def _takes_clients(record: Instance) -> bool:
    return (
        record.type is InstanceType.CHROME_BROWSER and record.state is InstanceState.READY and "cdp" in record.endpoints
    )
