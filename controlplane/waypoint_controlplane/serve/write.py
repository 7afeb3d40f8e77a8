"""Writes drafts: decided upon the tables, refused by the registry when these were behind, then decided anew."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import grpc

from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import Refusal
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.keys import host_of
from waypoint_core.registry import Get, Outcome, Present, Put, Registry, Unchanged

_ATTEMPTS = 8
_CATCH_UP = 2.0


@dataclass(frozen=True, slots=True)
class Done:
    """What was written, and at which revision."""

    puts: tuple[Put, ...]
    revision: int


class Writer:
    """Writes to the registry what was decided upon the follower's tables."""

    def __init__(self, registry: Registry, follower: Follower) -> None:
        self.registry = registry
        self.follower = follower
        self.fleet = follower.fleet

    async def write(self, decide: Callable[[Draft], bool]) -> Done | None:
        """Write what is decided, once and wholly; None when it is decided against. Then the tables show it."""
        for _ in range(_ATTEMPTS):
            draft = Draft(self.fleet, time.time())
            if not decide(draft):
                return None
            if not draft.puts:
                return Done((), self.fleet.revision)
            done, revision = await self._commit(draft)
            shown = await self.catch_up(revision)
            if done:
                return Done(draft.puts, revision)
            if not shown and not self.fleet.synced:
                raise Refusal(
                    grpc.StatusCode.UNAVAILABLE,
                    f"cannot change this now: this control plane has lost sight of the registry ({self.fleet.outage}); "
                    "try again, or ask another one",
                )
        raise Refusal(
            grpc.StatusCode.ABORTED, "cannot change this now: others keep changing the same instances; try again"
        )

    async def learn(self, instance: str) -> bool:
        """Whether the tables show it; else the registry is asked, since another member may have been told just now."""
        if instance not in self.fleet.instances:
            entry = await self.registry.get(self.fleet.keys.instance(host_of(instance), instance))
            if entry is not None:
                await self.catch_up(entry.mod_revision)
        return instance in self.fleet.instances

    async def catch_up(self, revision: int) -> bool:
        """Wait until the tables show this revision, but not for ever: the watch may be broken while calls are not."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP):
                await self.follower.reached(revision)
                return True
        return False

    async def _commit(self, draft: Draft) -> tuple[bool, int]:
        """Whether it is written now, and the revision at which the tables show why or why not."""
        began = time.monotonic()
        try:
            outcome = await self._transact(draft)
        except RegistryUnavailable:
            if time.monotonic() - began > _CATCH_UP:
                raise
            # It may have been carried out. Sent again it is refused then, and what stands there tells that it is ours.
            outcome = await self._transact(draft)
            found = None if outcome.succeeded else outcome.reads[0]
            if found is not None and found.value == draft.puts[-1].value:
                return True, found.mod_revision
        return outcome.succeeded, outcome.revision if outcome.succeeded else _cause(draft, outcome)

    async def _transact(self, draft: Draft) -> Outcome:
        # The last one bears a time, or is the same whoever writes it.
        mark = Get(draft.puts[-1].key)
        reads = (Get(condition.key) for condition in draft.conditions)
        return await self.registry.transact(draft.conditions, draft.puts, (mark, *reads))


def _cause(draft: Draft, refused: Outcome) -> int:
    """The revision at which the tables show what did not hold.

    That of the refusal itself may be of keys that the tables never show, and is waited for only if a key is gone.
    """
    gone = any(
        read is None
        and (isinstance(condition, Present) or (isinstance(condition, Unchanged) and condition.mod_revision))
        for condition, read in zip(draft.conditions, refused.reads[1:], strict=True)
    )
    return refused.revision if gone else max((read.mod_revision for read in refused.reads if read), default=0)
