"""Following the registry: when its listeners and waiters are told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from waypoint_controlplane.fleet import Change, Fleet
from waypoint_controlplane.follow import Follower, TooSlow
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry

KEYS = Keys()


class Following:
    def __init__(self, tasks: TaskOwner) -> None:
        self.registry = MemoryRegistry()
        self.follower = Follower(self.registry, Fleet(KEYS))
        self._tasks = tasks

    def start(self) -> None:
        self._tasks.start(self.follower.run(), name="follower")

    async def beat(self, name: str) -> int:
        return await self.registry.put(KEYS.beat(name), b"{}")


@pytest.fixture
async def following() -> AsyncIterator[Following]:
    async with TaskOwner() as tasks:
        yield Following(tasks)


async def test_what_is_found_at_first_is_no_change(following: Following) -> None:
    told: list[Change | None] = []
    await following.beat("a")
    with following.follower.listening(told.append):
        following.start()
        await following.follower.listed()
        assert "a" in following.follower.fleet.beats
        await following.follower.reached(await following.beat("b"))
    await following.follower.reached(await following.beat("c"))
    assert [change.name if change else None for change in told] == [None, "b"]


async def test_an_outage_is_told(following: Following) -> None:
    following.start()
    await following.follower.listed()
    told: list[Change | None] = []
    with following.follower.listening(told.append):
        following.registry.available = False
        await following.follower.until(lambda: not following.follower.fleet.synced)
        following.registry.available = True
        await following.follower.until(lambda: following.follower.fleet.synced)
    assert told == [None, None]


async def test_changes_one_by_one(following: Following) -> None:
    following.start()
    await following.follower.listed()
    changes = following.follower.changes()
    first, _ = await asyncio.gather(anext(changes), following.beat("a"))
    assert first.name == "a"
    await changes.aclose()  # type: ignore[attr-defined]


async def test_a_reader_that_does_not_read_is_left(following: Following, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypoint_controlplane.follow._QUEUE", 3)
    following.start()
    await following.follower.listed()
    changes = following.follower.changes()
    await asyncio.gather(anext(changes), following.beat("a"))
    for name in "bcde":
        last = await following.beat(name)
    await following.follower.reached(last)
    with pytest.raises(TooSlow):
        await anext(changes)
