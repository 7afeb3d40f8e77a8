"""A claim that was written for a proxy: wait until it serves the browser; take everything back if it does not."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.write import Done, Writer
from waypoint_core.codec import decode
from waypoint_core.errors import CodecError
from waypoint_core.model import Claim
from waypoint_core.registry import Delete, Entry, Get, Unchanged

log = logging.getLogger("waypoint.controlplane.settle")

PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claim on a browser, with all that was written together with it."""

    browser: str
    key: str
    request: str
    done: Done

    def found(self, fleet: Fleet) -> Claim | None:
        """The claim as it stands now; None when it is gone, or another's."""
        row = fleet.claims.get(self.browser)
        return row.record if row and row.record.request == self.request else None

    def is_served(self, entry: Entry) -> bool:
        """Whether this is the claim, in which the proxy has written where it serves the browser."""
        if entry.key != self.key or entry.mod_revision == self.done.revision:
            return False
        with suppress(CodecError):
            return decode(Claim, entry.value, entry.key).request == self.request
        return False


def attempt(fleet: Fleet, done: Done) -> Attempt | None:
    """The claim among what was written; None when there is none."""
    for put in done.puts:
        if put.key.startswith(fleet.keys.claims):
            (browser,) = fleet.keys.parts(put.key, fleet.keys.claims)
            return Attempt(browser, put.key, decode(Claim, put.value, put.key).request, done)
    return None


async def settle(writer: Writer, made: Attempt) -> bool:
    """Whether the proxy serves the browser. If not, all that was written with the claim is removed again."""
    fleet = writer.fleet

    def is_decided() -> bool:
        claim = made.found(fleet)
        return claim is None or bool(claim.address)

    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await writer.follower.until(is_decided)
    claim = made.found(fleet)
    if not (claim and claim.address) and await _undo(writer, made):
        log.warning("a claim on %s is void: its proxy %s", made.browser, "does not answer" if claim else "gave it up")
        return False
    claim = made.found(fleet)
    return bool(claim and claim.address)


async def _undo(writer: Writer, made: Attempt) -> bool:
    """Remove what is left of what was written, unless the proxy was faster; whether that is done."""
    done = made.done
    # A heartbeat is written anew at any time: it tells nothing, and goes with the rest.
    beats = tuple(Delete(put.key) for put in done.puts if put.lease)
    left = [put.key for put in done.puts if not put.lease]
    while left:
        unchanged = tuple(Unchanged(key, done.revision) for key in left)
        reads = tuple(Get(key) for key in left)
        outcome = await writer.registry.transact(unchanged, (*map(Delete, left), *beats), reads)
        if outcome.succeeded:
            await writer.catch_up(outcome.revision)
            return True
        found = [entry for entry in outcome.reads if entry]
        if served := next(filter(made.is_served, found), None):
            await writer.catch_up(served.mod_revision)
            return False
        # What others have removed or written over by now is theirs: the claim and the bond of a browser that has ended,
        # or the claim of one that a client had already. So there is less to compare each time.
        left = [entry.key for entry in found if entry.mod_revision == done.revision]
    return True
