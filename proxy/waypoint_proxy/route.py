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
from waypoint_core.model import (
    Claim,
    ClaimKind,
    DesiredHost,
    HostAlive,
    HostSummary,
    Instance,
    InstanceState,
    InstanceType,
    ProxyAlive,
)
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, WatchEvent, Written

_FEW = 16
_REASONS = 2
log = logging.getLogger("waypoint.proxy.route")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A browser as the registry shows it; mod_revision is its key's, desktop "" where it has none."""

    instance: str
    host: str
    endpoint: str
    mod_revision: int
    desktop: str = ""


@dataclass(frozen=True, slots=True)
class Assignment:
    """A browser that the control plane has claimed for this proxy; mod_revision is the claim's."""

    instance: str
    claim: Claim
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Outage:
    """The registry cannot be followed since then, in seconds since the epoch, and why."""

    since: float
    reason: str


class Table:
    """Hosts, instances, claims and proxies, as of the last watch event.

    withdrawn gathers the instances whose assignment somebody took back, until it is emptied.
    """

    def __init__(self, keys: Keys, host: str, proxy: str, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._host = host
        self._proxy = proxy
        self._clock = clock
        self._alive: dict[str, tuple[HostAlive, int]] = {}
        self._failed: dict[str, str] = {}
        self._ready: dict[str, tuple[Candidate, Instance]] = {}
        self._free: dict[str, Candidate] = {}
        self._claimed: set[str] = set()
        self._requests: dict[str, str] = {}
        self._proxies: dict[str, ProxyAlive] = {}
        self._desired = DesiredHost()
        self._rewound = False
        self.assigned: dict[str, Assignment] = {}
        self.withdrawn: list[str] = []
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
                self._rewound = False
            case Stale(reason) | Rewound(reason):
                since = self.outage.since if self.outage else self._clock()
                self.outage = Outage(since, reason)
                self._rewound = self._rewound or isinstance(event, Rewound)

    def candidates(self) -> Iterator[Candidate]:
        """Every browser that could be claimed now."""
        return iter(self._free.values() if self.host_alive and self.cordon is None else ())

    def choose(self, wanted: Callable[[Candidate], bool] = lambda _: True) -> Candidate | None:
        """One of the best few at random (always the first one would make claimers collide); None: there is none."""
        best = list(islice(filter(wanted, self.candidates()), _FEW))
        return random.choice(best) if best else None  # noqa: S311 - spreads load, guards nothing

    @property
    def host_alive(self) -> bool:
        """Whether this host's agent is known to live."""
        return self._host in self._alive

    @property
    def host_revision(self) -> int:
        """The mod_revision of the key by which this host's agent lives; 0: it does not."""
        return self._alive[self._host][1] if self.host_alive else 0

    @property
    def complete(self) -> bool:
        """Whether each slot of this host has a browser that is ready, claimed or not."""
        return self.host_alive and self._here() >= self._alive[self._host][0].slots

    @property
    def cordon(self) -> str | None:
        """Why this host takes no new sessions; None: it takes them."""
        return (self._desired.reason or "no reason given") if self._desired.cordon else None

    def living(self, instance: str) -> tuple[Candidate, Instance] | None:
        """A browser as the registry shows it, claimed or not; None when it is not ready."""
        return self._ready.get(instance)

    def request(self, instance: str) -> str:
        """The request id of this proxy's claim on it; "" while there is none."""
        return self._requests.get(instance, "")

    def fair_share(self, held: int) -> int:
        """How many browsers this proxy may reserve when it already has `held`: its part of all that are ready."""
        if self.cordon is not None:
            return 0
        ready = held + len(self._free)
        rivals = sum(proxy.host == self._host for proxy in self._proxies.values())
        return math.ceil(ready / max(1, rivals))

    def shortage(self) -> str:
        """Why this host, which is alive and takes sessions, has no browser to give."""
        slots = self._alive[self._host][0].slots
        here = self._here()
        used, failed = here - len(self._free), len(self._failed)
        if used >= slots:
            return "all browsers are in use"
        parts = {
            f"{used} in use": used,
            f"{len(self._free)} not to be had": len(self._free),
            f"{slots - here - failed} starting": slots - here - failed,
            f"{failed} failing ({'; '.join(sorted(set(self._failed.values()))[:_REASONS])})": failed,
        }
        return f"{slots} browsers: " + ", ".join(part for part, count in parts.items() if count > 0)

    def is_closed(self, instance: str) -> bool:
        """Whether its agent has it ready, but open to nobody any more."""
        found = self._ready.get(instance)
        return found is not None and not found[1].open

    def _here(self) -> int:
        return sum(candidate.host == self._host for candidate, _ in self._ready.values())

    def _write(self, entry: Entry) -> None:
        try:
            self._fold(entry)
        except CodecError as error:
            log.warning("ignored: %s", error)
            # Whatever a claim says, its being there means that the browser is somebody's; and a host that was
            # cordoned stays so.
            if not entry.key.startswith((self._keys.claims, self._keys.desired)):
                self._remove(entry.key)

    def _fold(self, entry: Entry) -> None:
        key, keys = entry.key, self._keys
        if key.startswith(keys.instances):
            host, instance = self._pair(key, keys.instances)
            record = decode(Instance, entry.value, key)
            self._forget(instance)
            if (
                host == self._host
                and record.state is InstanceState.FAILED
                and record.type is InstanceType.CHROME_BROWSER
            ):
                self._failed[instance] = record.reason
            if _takes_clients(record):
                cdp, desktop = record.endpoints["cdp"], record.endpoints.get("desktop", "")
                self._ready[instance] = Candidate(instance, host, cdp, entry.mod_revision, desktop), record
            self._weigh(instance)
        elif key.startswith(keys.claims):
            self._claim(entry)
        elif key.startswith(keys.hosts) and key.endswith("/alive"):
            self._alive[self._pair(key, keys.hosts)[0]] = decode(HostAlive, entry.value, key), entry.mod_revision
        elif key.startswith(keys.hosts) and key.endswith("/summary"):
            decode(HostSummary, entry.value, key)
        elif key.startswith(keys.proxies):
            self._proxies[key] = decode(ProxyAlive, entry.value, key)
        elif key == keys.desired_host(self._host):
            self._desired = decode(DesiredHost, entry.value, key)

    def _claim(self, entry: Entry) -> None:
        instance = entry.key.removeprefix(self._keys.claims)
        self._claimed.add(instance)
        self._weigh(instance)
        self.assigned.pop(instance, None)
        self._requests.pop(instance, None)
        claim = decode(Claim, entry.value, entry.key)
        if claim.proxy == self._proxy:
            self._requests[instance] = claim.request
        if claim.proxy == self._proxy and claim.kind in {ClaimKind.SESSION, ClaimKind.DIRECT}:
            self.assigned[instance] = Assignment(instance, claim, entry.mod_revision)

    def _weigh(self, instance: str) -> None:
        """See whether the browser is free; those of other hosts come with the gateway."""
        found = self._ready.get(instance)
        if found and found[1].open and found[0].host == self._host and instance not in self._claimed:
            self._free[instance] = found[0]
        else:
            self._free.pop(instance, None)

    def _remove(self, key: str) -> None:
        keys = self._keys
        if key.startswith(keys.instances):
            instance = key.rpartition("/")[2]
            self._forget(instance)
            self._weigh(instance)
        elif key.startswith(keys.claims):
            instance = key.removeprefix(keys.claims)
            self._claimed.discard(instance)
            self._requests.pop(instance, None)
            if self.assigned.pop(instance, None) and not self._rewound:
                self.withdrawn.append(instance)
            self._weigh(instance)
        elif key.startswith(keys.hosts) and key.endswith("/alive"):
            self._alive.pop(key.removeprefix(keys.hosts).removesuffix("/alive"), None)
        elif key.startswith(keys.proxies):
            self._proxies.pop(key, None)
        elif key == keys.desired_host(self._host) and not self._rewound:
            self._desired = DesiredHost()

    def _forget(self, instance: str) -> None:
        self._ready.pop(instance, None)
        self._failed.pop(instance, None)

    def _pair(self, key: str, below: str) -> tuple[str, str]:
        match self._keys.parts(key, below):
            case (first, second):
                return first, second
        raise CodecError(f"cannot read key {key!r}: it has not two parts below {below!r}")


def _takes_clients(record: Instance) -> bool:
    return (
        record.type is InstanceType.CHROME_BROWSER and record.state is InstanceState.READY and "cdp" in record.endpoints
    )
