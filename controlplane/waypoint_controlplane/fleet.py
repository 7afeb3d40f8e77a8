"""What the registry shows: one table a kind of record, folded from the watch on the whole prefix. No I/O.

Deciders, services and events all read these tables; nobody else writes them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from waypoint_core.codec import decode
from waypoint_core.errors import CodecError
from waypoint_core.keys import REGISTERED, Keys, host_of
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    DesiredHost,
    Freeze,
    HostAlive,
    HostState,
    HostSummary,
    Instance,
    KillRequest,
    KnownHost,
    Leader,
    Member,
    ProxyAlive,
    Tick,
)
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, WatchEvent, Written

log = logging.getLogger("waypoint.controlplane.fleet")

REPUBLISHED = 16.0
"""How many seconds after its host's return a browser that is not there has ended.

Until then its agent may still be waiting to write it: one that was given out, until its proxy holds it again (at most
agent.claim_timeout), and one that is slow to answer (at most agent.start_timeout). It has to exceed both, 10 and 15 s
by default.
"""

R = TypeVar("R")
_UNREADABLE = Claim(proxy="unknown", request="unknown")


@dataclass(frozen=True, slots=True)
class Row(Generic[R]):
    """A record as it stood at a revision of its key."""

    record: R
    key: str
    revision: int
    lease: int = 0


class Table(dict[str, Row[R]], Generic[R]):
    """Rows by the name in their key: a host's, an instance's id, a proxy's; of bindings see `join`."""

    def __init__(self, kind: type[R]) -> None:
        super().__init__()
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Change:
    """One row came, changed, or went."""

    kind: type[Any]
    name: str
    before: Row[Any] | None
    after: Row[Any] | None


class Fleet:
    """The tables, as of the last event; synced is False until the first listing is complete, and while it is not
    known whether events are missing. broken: keys of the schema whose value cannot be read, and that no table shows.
    rewinds: how often the registry's history was replaced.
    """

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.time) -> None:
        self.keys = keys
        self._clock = clock
        self.alive = Table(HostAlive)
        self.summaries = Table(HostSummary)
        self.instances = Table(Instance)
        self.desired = Table(DesiredHost)
        self.kills = Table(KillRequest)
        self.bindings = Table(Binding)
        self.claims = Table(Claim)
        self.beats = Table(Beat)
        self.proxies = Table(ProxyAlive)
        self.known = Table(KnownHost)
        self.members = Table(Member)
        self.control = Table(object)
        self._children: dict[str, set[str]] = {}
        self._parent: dict[str, str] = {}
        self._by_host: dict[str, set[str]] = {}
        self._claims_on: dict[str, set[str]] = {}
        self.broken: dict[str, Entry] = {}
        self.rewinds = 0
        self.synced = False
        self.outage = "not read yet"
        self.current_at = 0.0
        self.revision = 0

    # Taking in.

    def apply(self, event: WatchEvent) -> Change | None:
        """Take in one event; a broken value is logged and counts as absent, except that a claim is a claim."""
        match event:
            case Written(entry):
                self._advance(entry.mod_revision)
                return self._write(entry)
            case Removed(key, revision):
                self._advance(revision)
                return self._remove(key)
            case Synced(revision):
                self.synced, self.outage = True, ""
                self._advance(revision)
            case Stale(reason):
                self.synced, self.outage = False, reason
            case Rewound(reason):
                self.synced, self.outage, self.revision = False, reason, 0
                self.rewinds += 1
        return None

    def _advance(self, revision: int) -> None:
        if self.synced:
            self.current_at = self._clock()
        self.revision = max(self.revision, revision)

    def _write(self, entry: Entry) -> Change | None:
        try:
            table, name = self._place(entry.key)
        except CodecError as error:
            log.warning("ignored: %s", error)
            return None
        try:
            record = decode(self._kind(table, name), entry.value, entry.key)
        except CodecError as error:
            log.warning("ignored: %s", error)
            if table is not self.claims:
                change = self._remove(entry.key)
                self.broken[entry.key] = entry
                return change
            record = _UNREADABLE
        self.broken.pop(entry.key, None)
        before = table.get(name)
        after = table[name] = Row(record, entry.key, entry.mod_revision, entry.lease)
        self._index(table, name, there=True)
        return Change(type(record), name, before, after)

    def _remove(self, key: str) -> Change | None:
        try:
            table, name = self._place(key)
        except CodecError:
            return None
        self.broken.pop(key, None)
        before = table.pop(name, None)
        self._index(table, name, there=False)
        return Change(type(before.record), name, before, None) if before else None

    def _index(self, table: Table[Any], name: str, *, there: bool) -> None:
        if table is self.instances:
            _mark(self._by_host, host_of(name), name, there=there)
        elif table is self.claims:
            _mark(self._claims_on, host_of(name), name, there=there)
        elif table is self.bindings:
            parent, child = pair(name)
            _mark(self._children, parent, child, there=there)
            if there:
                self._parent[child] = parent
            elif self._parent.get(child) == parent:
                del self._parent[child]

    def _kind(self, table: Table[Any], name: str) -> type[Any]:
        if table is self.control:
            return {"leader": Leader, "freeze": Freeze, "tick": Tick}[name]
        return table.kind

    def _place(self, key: str) -> tuple[Table[Any], str]:  # noqa: PLR0911 - one line a kind of key
        match self.keys.parts(key, self.keys.prefix):
            case ("hosts", host, "alive"):
                return self.alive, host
            case ("hosts", host, "summary"):
                return self.summaries, host
            case ("inst", host, instance) if host == host_of(instance):
                return self.instances, instance
            case ("desired", "hosts", host):
                return self.desired, host
            case ("desired", "inst", host, instance) if host == host_of(instance):
                return self.kills, instance
            case ("bindings", parent, child):
                return self.bindings, join(parent, child)
            case ("claims", instance):
                return self.claims, instance
            case ("beats", instance):
                return self.beats, instance
            case ("proxies", proxy):
                return self.proxies, proxy
            case ("cp", "hosts", host):
                return self.known, host
            case ("cp", "members", member):
                return self.members, member
            case ("cp", "leader" | "freeze" | "tick" as name):
                return self.control, name
        raise CodecError(f"cannot place key {key!r}: the schema has no such key")

    # Reading.

    @property
    def leader(self) -> Row[Leader] | None:
        """Who leads; None: nobody."""
        return self.control.get("leader")  # type: ignore[return-value]

    @property
    def freeze(self) -> Row[Freeze] | None:
        """What an operator or the leader said about remediation; None: nothing."""
        return self.control.get("freeze")  # type: ignore[return-value]

    @property
    def tick(self) -> Row[Tick] | None:
        """The leader's latest sign of life."""
        return self.control.get("tick")  # type: ignore[return-value]

    def children(self, parent: str) -> frozenset[str]:
        """The ids that are bound to this one."""
        return frozenset(self._children.get(parent, ()))

    def parent(self, child: str) -> str:
        """The id that this one is bound to; "": none."""
        return self._parent.get(child, "")

    def on_host(self, host: str) -> Iterator[tuple[str, Row[Instance]]]:
        """The instances of a host, or with REGISTERED what registered itself."""
        return ((name, self.instances[name]) for name in sorted(self._by_host.get(host, ())))

    def claims_on(self, host: str) -> list[str]:
        """The claimed instances of a host."""
        return sorted(self._claims_on.get(host, ()))

    def claimed_hosts(self) -> frozenset[str]:
        """The hosts of all claimed instances, alive and known or not."""
        return frozenset(self._claims_on)

    def hosts(self) -> list[str]:
        """Every host that is alive or known."""
        return sorted(self.alive.keys() | self.known.keys())

    def host_state(self, host: str) -> HostState:
        """What the fleet makes of the host now."""
        known = self.known.get(host)
        if known and known.record.state is HostState.GONE:
            return HostState.GONE
        if host not in self.alive:
            return HostState.SUSPECT
        desired = self.desired.get(host)
        if desired and desired.record.cordon:
            return HostState.CORDONED if desired.record.drain_deadline is None else HostState.DRAINING
        return HostState.READY

    def is_stale(self, instance: str) -> bool:
        """Whether nothing vouches for its health now: no heartbeat, or its host's lease has run out."""
        home = host_of(instance)
        return instance not in self.beats if home == REGISTERED else home not in self.alive


def _mark(index: dict[str, set[str]], under: str, name: str, *, there: bool) -> None:
    if there:
        index.setdefault(under, set()).add(name)
    elif under in index:
        index[under].discard(name)
        if not index[under]:
            del index[under]


def join(parent: str, child: str) -> str:
    """The name of a binding; ids are taken apart again at a NUL, which no id may hold."""
    return f"{parent}\0{child}"


def pair(name: str) -> tuple[str, str]:
    """Parent and child of a binding's name."""
    parent, _, child = name.partition("\0")
    return parent, child
