"""What a leader finds, put together in one line a case; and what it decides, in one word or two a decision."""

import itertools
import re
from typing import Any, Self

from waypoint_controlplane.decide.decisions import Cordon, Decision, Forget, Kill, Note, Probe, SetFreeze
from waypoint_controlplane.decide.observed import Answer, Observed
from waypoint_controlplane.decide.plan import Plan, plan
from waypoint_controlplane.fleet import Fleet
from waypoint_core.codec import encode
from waypoint_core.keys import Keys, browser_id, host_of
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    DesiredHost,
    Freeze,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KillKind,
    KillRequest,
    KnownHost,
)
from waypoint_core.registry import Entry, Removed, Stale, Synced, Written
from waypoint_core.settings import ControlPlaneSettings

NOW, WALL = 5_000.0, 1_000_000.0
STATUS = "192.0.2.1:9301"
KEYS = Keys()


def browser(host: str, slot: int = 0) -> str:
    """The id of a browser; each host and slot has one life here."""
    return browser_id(host, slot, f"{slot:032x}")


class World:
    """A fleet with so many hosts that are well, so that one more or less is no mass loss."""

    def __init__(self, well: int = 10, **settings: Any) -> None:
        self.settings = ControlPlaneSettings(**settings)
        self.fleet = Fleet(KEYS)
        self.revision = 0
        self.now, self.wall = NOW, WALL
        self.since: dict[str, float] = {}
        self.probes: dict[str, Answer] = {}
        self.probing: set[str] = set()
        self.evicted_at = float("-inf")
        for number in range(well):
            self.host(f"well{number}")
        self.fleet.apply(Synced(0))

    def put(self, key: str, record: Any, lease: int = 0) -> Self:
        value = record if isinstance(record, bytes) else encode(record)
        self.revision += 1
        self.fleet.apply(Written(Entry(key, value, self.revision, self.revision, lease)))
        return self

    def remove(self, key: str) -> Self:
        self.revision += 1
        self.fleet.apply(Removed(key, self.revision))
        return self

    def stale(self) -> Self:
        self.fleet.apply(Stale("cut off"))
        return self

    def span(self, what: str, name: str, seconds: float) -> Self:
        self.since[f"{what} {name}"] = self.now - seconds
        return self

    def host(
        self,
        name: str,
        known: str | None = "ready",
        *,
        lost: float | None = None,
        back: float = 100.0,
        status: str = STATUS,
        losses: tuple[float, ...] = (),
        since: float = 0.0,
        reason: str = "",
    ) -> Self:
        """A host that is alive, or lost for so many seconds. losses: seconds ago, the latest last."""
        if known:
            told = tuple(self.wall - ago for ago in losses)
            record = KnownHost(HostState(known), self.wall - since, reason, status, told)
            self.put(KEYS.known_host(name), record)
        if lost is not None:
            return self.span("lost", name, lost)
        self.put(KEYS.host_alive(name), HostAlive("e", "b", 4, status=status), lease=7)
        return self.span("back", name, back)

    def answer(self, host: str, *, answered: bool, ago: float = 0.0) -> Self:
        self.probes[host] = Answer(answered, self.now - ago)
        return self

    def instance(self, name: str, state: InstanceState = InstanceState.READY) -> Self:
        kind = InstanceType.AGENT if host_of(name) == "_" else InstanceType.CHROME_BROWSER
        return self.put(KEYS.instance(host_of(name), name), Instance(kind, state))

    def registered(self, *names: str) -> Self:
        for name in names:
            self.instance(name).put(KEYS.beat(name), Beat(), lease=8)
        return self

    def silent(self, name: str, seconds: float) -> Self:
        """A registered instance without heartbeat for so long."""
        return self.instance(name).span("stale", name, seconds)

    def missing(self, name: str, seconds: float = 100.0) -> Self:
        return self.span("missing", name, seconds)

    def killed(self, name: str, seconds: float = 0.0, reason: str = "asked for") -> Self:
        key = KEYS.desired_instance(host_of(name), name)
        self.put(key, KillRequest(reason, KillKind.KILLED, "ann", self.wall - seconds))
        return self.span("dead", name, seconds)

    def bond(self, *chain: str) -> Self:
        """Each is the parent of the next."""
        for parent, child in itertools.pairwise(chain):
            self.put(KEYS.binding(parent, child), Binding())
        return self

    def claim(self, *names: str) -> Self:
        for name in names:
            self.put(KEYS.claim(name), Claim("p", "r"))
        return self

    def desired(self, host: str, **wanted: Any) -> Self:
        return self.put(KEYS.desired_host(host), DesiredHost(**wanted))

    def drain(self, host: str, in_: float, by: str = "ann", reason: str = "new kernel") -> Self:
        return self.desired(host, cordon=True, drain_deadline=self.wall + in_, by=by, reason=reason)

    def frozen(self, *, frozen: bool = True, by: str = "ann", reason: str = "wait") -> Self:
        return self.put(KEYS.freeze, Freeze(frozen=frozen, by=by, reason=reason))

    def plan(self) -> Plan:
        seen = Observed(
            self.now, self.wall, self.since, self.probes, frozenset(self.probing), evicted_at=self.evicted_at
        )
        return plan(self.settings, self.fleet, seen)

    def decided(self) -> list[str]:
        return [short(decision) for decision in self.plan().decisions]


def short(decision: Decision) -> str:
    match decision:
        case Note(host, known):
            return f"{host} {known.state}"
        case Probe(host):
            return f"ask {host}"
        case Cordon(host):
            return f"cordon {host}"
        case SetFreeze(freeze):
            return "freeze" if freeze else "unfreeze"
        case Kill(instance, kind):
            return f"kill {name(instance)} {kind}"
        case Forget(keys):
            return "forget " + " ".join(name(key.removeprefix(KEYS.prefix)) for key, _ in keys)


def name(text: str) -> str:
    """Without the digits that make a browser's id unique."""
    return re.sub(r"_[0-9a-f]{32}", "", text)
