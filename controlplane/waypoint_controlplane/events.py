"""What happened, told from the fleet's changes: the latest ten thousand, then whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from waypoint_controlplane.fleet import Change, Fleet, pair
from waypoint_controlplane.follow import Follower, TooSlow
from waypoint_core.keys import REGISTERED, host_of
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    DesiredHost,
    Freeze,
    Instance,
    InstanceState,
    KillRequest,
    KnownHost,
    Leader,
    Member,
    ProxyAlive,
)

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. at: seconds since the epoch, when this control plane saw it; number rises by one."""

    noun: str
    name: str
    what: str
    reason: str = ""
    by: str = ""
    host: str = ""
    at: float = 0.0
    number: int = 0


class Chronicle:
    """Keeps what the follower's changes tell; `run` it beside the follower."""

    def __init__(self, follower: Follower, clock: Callable[[], float] = time.time) -> None:
        self._follower = follower
        self._clock = clock
        self._events: deque[Event] = deque(maxlen=_KEPT)
        self._number = 0
        self._readers: set[_Reader] = set()
        self._rewinds = follower.fleet.rewinds

    async def run(self) -> None:
        """Until cancelled."""
        with self._follower.listening(self._changed):
            await asyncio.Event().wait()

    def past(self, count: int, host: str = "") -> list[Event]:
        """The latest events, at most so many, oldest first; of one host if it is named."""
        found = [event for event in self._events if host in {"", event.host}]
        return found[len(found) - min(count, len(found)) :]

    async def follow(self, host: str = "", past: int = 0) -> AsyncIterator[Event]:
        """So many of the past, then every event from now on. TooSlow when the caller does not take them."""
        reader = _Reader()
        self._readers.add(reader)
        try:
            for event in self.past(past, host):
                yield event
            while not reader.behind:
                event = await reader.get()
                if host in {"", event.host}:
                    yield event
        finally:
            self._readers.discard(reader)
        raise TooSlow(f"cannot keep more than {_KEPT} events for a reader that does not take them")

    def _changed(self, change: Change | None) -> None:
        fleet = self._follower.fleet
        if fleet.rewinds != self._rewinds:
            # After its history was replaced, differences are not events until the new one is there.
            if fleet.synced:
                self._rewinds = fleet.rewinds
            return
        if change and (event := tell(fleet, change)):
            self._number += 1
            event = replace(event, at=self._clock(), number=self._number)
            self._events.append(event)
            for reader in self._readers:
                reader.offer(event)


class _Reader(asyncio.Queue[Event]):
    """What one follower has not taken yet; behind: it has missed something."""

    behind = False

    def offer(self, event: Event) -> None:
        if not self.behind:
            self.put_nowait(event)
            self.behind = self.qsize() >= _KEPT


def tell(fleet: Fleet, change: Change) -> Event | None:
    """What a change means to people; None: nothing."""
    teller = _TELLERS.get(change.kind)
    before = change.before.record if change.before else None
    after = change.after.record if change.after else None
    return teller(fleet, change.name, before, after) if teller and before != after else None


def _known_host(fleet: Fleet, host: str, before: KnownHost | None, after: KnownHost | None) -> Event | None:
    if after is None:
        return Event("host", host, "forgotten", host=host)
    if before and before.state is after.state and before.reason == after.reason:
        return None
    return Event("host", host, after.state, after.reason, host=host)


def _desired_host(fleet: Fleet, host: str, before: DesiredHost | None, after: DesiredHost | None) -> Event:
    was, now = before or DesiredHost(), after or DesiredHost()
    event = Event("host", host, "configured", now.reason, now.by, host)
    if now.cordon and now.drain_deadline is not None and now.drain_deadline != was.drain_deadline:
        return replace(event, what="draining")
    if now.cordon != was.cordon:
        return replace(event, what="cordoned" if now.cordon else "uncordoned")
    if now.slots != was.slots:
        wanted = "as configured there" if now.slots is None else f"{now.slots} slots"
        return replace(event, what="scaled", reason=wanted)
    return event


def _instance(fleet: Fleet, name: str, before: Instance | None, after: Instance | None) -> Event | None:
    event = Event("instance", name, "gone", host=_home(name))
    if after is None:
        return event
    if before is None:
        return replace(event, what=_added(after), reason=after.reason)
    if after.state is not before.state:
        return replace(event, what=after.state, reason=after.reason)
    return None


def _added(record: Instance) -> str:
    return "failed" if record.state is InstanceState.FAILED else "added"


def _kill(fleet: Fleet, name: str, before: KillRequest | None, after: KillRequest | None) -> Event | None:
    if after is None:
        return None
    return Event("instance", name, "killed", f"{after.kind}: {after.reason}", after.by, _home(name))


def _claim(fleet: Fleet, name: str, before: Claim | None, after: Claim | None) -> Event | None:
    if after is None:
        return Event("instance", name, "released", host=_home(name))
    if before and before.request == after.request:
        return None
    return Event("instance", name, "claimed", f"for {after.kind}", after.proxy, _home(name))


def _beat(fleet: Fleet, name: str, before: Beat | None, after: Beat | None) -> Event | None:
    if after is None:
        return Event("instance", name, "stale", "no heartbeat") if name not in fleet.kills else None
    record, beat = fleet.instances.get(name), fleet.beats.get(name)
    # The first heartbeat is written together with the record.
    first = record is None or beat is None or record.revision == beat.revision
    return None if before or first else Event("instance", name, "revived", "a heartbeat")


def _binding(fleet: Fleet, name: str, before: Binding | None, after: Binding | None) -> Event:
    parent, child = pair(name)
    return Event("binding", child, "bound" if after else "unbound", f"to {parent}", host=_home(child))


def _proxy(fleet: Fleet, name: str, before: ProxyAlive | None, after: ProxyAlive | None) -> Event:
    record = after or before
    return Event("proxy", name, "up" if after else "down", host=record.host if record else "")


def _member(fleet: Fleet, name: str, before: Member | None, after: Member | None) -> Event:
    return Event("controlplane", name, "up" if after else "down")


def _leader(fleet: Fleet, name: str, before: Leader | None, after: Leader | None) -> Event:
    return Event("fleet", after.name, "led") if after else Event("fleet", before.name if before else "", "leaderless")


def _freeze(fleet: Fleet, name: str, before: Freeze | None, after: Freeze | None) -> Event:
    if after and after.frozen:
        return Event("fleet", "remediation", "frozen", after.reason, after.by)
    return Event("fleet", "remediation", "unfrozen", after.reason if after else "", after.by if after else "")


def _home(instance: str) -> str:
    host = host_of(instance)
    return "" if host == REGISTERED else host


_TELLERS: dict[type[Any], Callable[[Fleet, str, Any, Any], Event | None]] = {
    KnownHost: _known_host,
    DesiredHost: _desired_host,
    Instance: _instance,
    KillRequest: _kill,
    Claim: _claim,
    Beat: _beat,
    Binding: _binding,
    ProxyAlive: _proxy,
    Member: _member,
    Leader: _leader,
    Freeze: _freeze,
}
