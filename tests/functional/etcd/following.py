"""What a watch's consumer knows: folds events into a picture, and lets tests await what they expect."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TypeVar

from waypoint_core.errors import LeaseLost
from waypoint_core.registry import Registry, Removed, Rewound, Stale, Synced, WatchEvent, Written

E = TypeVar("E")


async def until(events: AsyncIterator[WatchEvent], kind: type[E], seconds: float = 20) -> list[WatchEvent]:
    """Events up to and including the first of a kind."""
    seen: list[WatchEvent] = []
    async with asyncio.timeout(seconds):
        while not seen or not isinstance(seen[-1], kind):
            seen.append(await anext(events))
    return seen


async def take(events: AsyncIterator[WatchEvent], count: int, seconds: float = 20) -> list[WatchEvent]:
    async with asyncio.timeout(seconds):
        return [await anext(events) for _ in range(count)]


async def ran_out(registry: Registry, seconds: float) -> None:
    """Returns once a lease of so many seconds that nobody renews has run out: a time by the registry's own clock."""
    lease = await registry.grant(seconds)
    key = f"/clock/{lease:x}"
    with contextlib.suppress(LeaseLost):  # it is over already
        await registry.put(key, b"", lease=lease)
    async with registry.watch(key) as events:
        if changes(await until(events, Synced)):  # else it was over before the watch began
            await until(events, Removed, seconds + 20)


async def reachable(registry: Registry) -> None:
    """Returns once the registry can be asked, again or still."""
    async with registry.watch("/clock/") as events:
        await until(events, Synced)


def changes(events: list[WatchEvent]) -> list[tuple[str, bytes | None]]:
    """Keys with their new values, None for removed, in order of arrival."""
    found: list[tuple[str, bytes | None]] = []
    for event in events:
        match event:
            case Written(entry=entry):
                found.append((entry.key, entry.value))
            case Removed(key=key):
                found.append((key, None))
            case _:
                pass
    return found


def kinds(events: list[WatchEvent]) -> list[type[WatchEvent]]:
    """The kinds of news, changes left out."""
    return [type(event) for event in events if isinstance(event, Stale | Synced | Rewound)]
