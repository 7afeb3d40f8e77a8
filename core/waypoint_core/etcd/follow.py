"""A watch as a state machine without I/O: what happened goes in; events to deliver and the next step come out.

The state is what the consumer has been told: each key's mod_revision, complete up to the revision `seen`. `seen`
moves only with listings and events, never with a response header, whose revision may run ahead of the events.

    LIST    read everything below the prefix; the difference to what was told is delivered
    CHECK   after any interruption: is this still the history that we saw?
    FOLLOW  watch from `seen` on; what is not newer was told already and is dropped
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from waypoint_core.etcd import kv
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.reads import Snapshot
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, WatchEvent, Written


class Step(Enum):
    """What to do next."""

    LIST = "list"
    CHECK = "check"
    FOLLOW = "follow"


class Follower:
    """Follows one prefix; feed it what each step brought, deliver what it returns."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.step = Step.LIST
        self.seen = 0
        self._known: dict[str, int] = {}
        self._newest = prefix
        self._cluster_id = 0
        self._stale = False
        self._replaced = ""
        self._fragments: list[pb.Event] = []
        self._target = 0

    @property
    def catching_up(self) -> bool:
        """Whether a Synced is owed, which the next progress notification may settle."""
        return self._stale

    def listed(self, snapshot: Snapshot) -> list[WatchEvent]:
        """A listing has arrived."""
        reason = self._replaced or self._replacement(snapshot)
        events: list[WatchEvent] = [Rewound(reason)] if reason else []
        events += self._difference(snapshot.listing.entries, snapshot.listing.revision, everything=bool(reason))
        self._adopt(snapshot)
        return [*events, Synced(self.seen)]

    def question(self) -> pb.RangeRequest:
        """The read of CHECK: the key that we saw change last, at the last revision that we saw."""
        return pb.RangeRequest(key=kv.key_bytes(self._newest), revision=self.seen)

    def checked(self, answer: pb.RangeResponse) -> list[WatchEvent]:
        """The answer to CHECK has arrived: go on if it is what we saw, else list."""
        found = answer.kvs[0].mod_revision if answer.kvs else None
        if answer.header.cluster_id != self._cluster_id:
            return self.replaced("another cluster answers")
        if found != self._known.get(self._newest):
            return self.replaced(f"{self._newest!r} reads differently at revision {self.seen}")
        self._target = answer.header.revision
        self.step = Step.FOLLOW
        return []

    def compacted(self) -> list[WatchEvent]:
        """The history since `seen` is no longer kept."""
        self.step = Step.LIST
        return self._mark_stale(f"history since revision {self.seen} was compacted")

    def replaced(self, reason: str) -> list[WatchEvent]:
        """This is not the history that we saw."""
        self.step = Step.LIST
        self._replaced = reason
        return self._mark_stale(reason)

    def interrupted(self, reason: str) -> list[WatchEvent]:
        """A step failed or a stream broke; half a revision that was received counts as not received."""
        self._fragments.clear()
        if self.step is Step.FOLLOW:
            self.step = Step.CHECK
        return self._mark_stale(reason)

    def received(self, response: pb.WatchResponse) -> list[WatchEvent]:
        """A message of the watch has arrived."""
        if response.compact_revision:
            return self.compacted()
        if response.canceled:
            return self.interrupted(response.cancel_reason or "the watch was cancelled")
        self._fragments.extend(response.events)
        if response.fragment:
            return []
        return [*self._changes(), *self._caught_up(response)]

    def _changes(self) -> list[WatchEvent]:
        fresh = [kv.event(event) for event in self._fragments if event.kv.mod_revision > self.seen]
        self._fragments.clear()
        for event in fresh:
            self._learn(event)
        return list(fresh)

    def _learn(self, event: Written | Removed) -> None:
        if isinstance(event, Written):
            self._known[event.entry.key] = self.seen = event.entry.mod_revision
            self._newest = event.entry.key
        else:
            self._known.pop(event.key, None)
            self.seen = event.revision
            self._newest = event.key

    def _caught_up(self, response: pb.WatchResponse) -> list[WatchEvent]:
        # A message with neither events nor flags answers a progress request: all up to its revision was sent.
        progress = 0 if response.events or response.created else response.header.revision
        if not self._stale or max(self.seen, progress) < self._target:
            return []
        self._stale = False
        return [Synced(max(self.seen, progress))]

    def _mark_stale(self, reason: str) -> list[WatchEvent]:
        if self._stale:
            return []
        self._stale = True
        return [Stale(reason)]

    def _replacement(self, snapshot: Snapshot) -> str:
        """Why this listing cannot belong to the history that we saw; empty when it can."""
        if not self._cluster_id:
            return ""
        if snapshot.cluster_id != self._cluster_id:
            return "another cluster answers"
        if snapshot.listing.revision < self.seen:
            return f"revision went back from {self.seen} to {snapshot.listing.revision}"
        for entry in snapshot.listing.entries:
            if entry.mod_revision <= self.seen and self._known.get(entry.key) != entry.mod_revision:
                return f"{entry.key!r} was not at revision {entry.mod_revision} in the history that we saw"
        return ""

    def _difference(self, entries: Sequence[Entry], revision: int, *, everything: bool) -> list[WatchEvent]:
        listed = {entry.key for entry in entries}
        gone = [Removed(key, revision) for key in sorted(self._known.keys() - listed)]
        changed = [
            Written(entry) for entry in entries if everything or self._known.get(entry.key) != entry.mod_revision
        ]
        return [*gone, *changed]

    def _adopt(self, snapshot: Snapshot) -> None:
        self._cluster_id = snapshot.cluster_id
        self._known = {entry.key: entry.mod_revision for entry in snapshot.listing.entries}
        self._newest = max(self._known, key=self._known.__getitem__, default=self.prefix)
        self.seen = snapshot.listing.revision
        self.step = Step.FOLLOW
        self._stale = False
        self._replaced = ""
        self._target = 0
