"""A claim that was written for a proxy: wait until it serves the browser; take everything back if it does not."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.serve.write import Done, Writer
from waypoint_core.codec import decode
from waypoint_core.model import Claim
from waypoint_core.registry import Absent, Delete, Unchanged

log = logging.getLogger("waypoint.controlplane.settle")

PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A claim on a browser, with all that was written together with it."""

    browser: str
    request: str
    done: Done

    def found(self, fleet: Fleet) -> Claim | None:
        """The claim as it stands now; None when it is gone, or another's."""
        row = fleet.claims.get(self.browser)
        return row.record if row and row.record.request == self.request else None


def attempt(fleet: Fleet, done: Done) -> Attempt | None:
    """The claim among what was written; None when there is none."""
    for put in done.puts:
        if put.key.startswith(fleet.keys.claims):
            (browser,) = fleet.keys.parts(put.key, fleet.keys.claims)
            return Attempt(browser, decode(Claim, put.value, put.key).request, done)
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
    """Remove what was written, unless the proxy was faster; whether that is done."""
    key, done = writer.fleet.keys.claim(made.browser), made.done
    others = [put for put in done.puts if put.key != key]
    # Once the claim is gone, these tell that what stands there is ours. A heartbeat is written anew at any time.
    unchanged = tuple(Unchanged(put.key, done.revision) for put in others if not put.lease)
    deletes = tuple(Delete(put.key) for put in others)
    outcome = await writer.registry.transact((Unchanged(key, done.revision), *unchanged), (Delete(key), *deletes))
    if not outcome.succeeded:
        outcome = await writer.registry.transact((Absent(key), *unchanged), deletes)
    await writer.catch_up(outcome.revision)
    return outcome.succeeded
