"""Writing drafts when the registry answers late, or not at all, or the tables are behind."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import grpc
import pytest

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import write
from waypoint_controlplane.serve.change import add, update
from waypoint_controlplane.serve.errors import Refusal
from waypoint_controlplane.serve.registration import Add, Kill, SetParent, Update
from waypoint_controlplane.serve.write import Writer
from waypoint_core.codec import encode
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import Instance, InstanceState, InstanceType, KillKind
from waypoint_core.registry import Condition, Operation, Outcome

KEYS = Keys()


class Lossy(MemoryRegistry):
    """Loses answers, or requests, of the next transactions."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[str] = []
        self.transactions = 0

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        self.transactions += 1
        what = self.lost.pop(0) if self.lost else ""
        if what == "request":
            raise RegistryUnavailable("cannot reach the registry: the request was lost")
        outcome = await super().transact(conditions, then, otherwise)
        if what == "answer":
            raise RegistryUnavailable("cannot reach the registry: the answer was lost")
        return outcome


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that are slow to catch up are waited for."""
    monkeypatch.setattr(write, "_CATCH_UP", 60.0)


@pytest.fixture
def registry() -> Lossy:
    return Lossy()


@pytest.fixture
async def writer(registry: Lossy) -> AsyncIterator[Writer]:
    follower = Follower(registry, Fleet(KEYS))
    async with TaskOwner() as tasks:
        tasks.start(follower.run(), name="follower")
        await follower.listed()
        yield Writer(registry, follower)


async def added(writer: Writer, name: str, parent: str = "") -> bool:
    wanted = Add(name, InstanceType.VLLM, parent=parent)
    return await writer.write(lambda draft: add(draft, wanted, 0)) is not None


async def bound(writer: Writer, name: str, parent: str) -> bool:
    wanted = Update(name, (SetParent(parent),))
    return await writer.write(lambda draft: update(draft, wanted)) is not None


@pytest.mark.parametrize("lost", ["request", "answer"])
async def test_one_loss_is_made_good(registry: Lossy, writer: Writer, lost: str) -> None:
    for call in (
        lambda: added(writer, "p"),
        lambda: added(writer, "a", "p"),
        lambda: added(writer, "b"),
        lambda: bound(writer, "b", "p"),
    ):
        registry.lost = [lost]
        assert await call()
    assert {KEYS.binding("p", "a"), KEYS.binding("p", "b")} <= registry.snapshot().entries.keys()
    assert not await added(writer, "a")
    registry.lost = [lost]
    assert await writer.write(lambda draft: update(draft, Update("a", (Kill(KillKind.TIMEOUT),)))) is not None


async def test_two_losses_are_told(registry: Lossy, writer: Writer) -> None:
    registry.lost = ["answer", "request"]
    with pytest.raises(RegistryUnavailable):
        await added(writer, "a")


async def test_anothers_success_is_not_taken_for_ours(registry: Lossy, writer: Writer) -> None:
    for name in ("a", "p"):
        await added(writer, name)
    registry.lost = ["request"]
    done = await asyncio.gather(*(bound(writer, "a", "p") for _ in range(5)))
    assert done.count(True) == 1


async def test_what_is_written_is_shown(writer: Writer) -> None:
    for number in range(100):
        assert await added(writer, f"a{number}")
        assert f"a{number}" in writer.fleet.instances


async def test_tables_that_are_behind_are_told_of(
    registry: Lossy, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write, "_CATCH_UP", 0.05)
    # The watch is away, calls are not.
    registry.available = False
    registry._available = True
    await registry.put(KEYS.instance("_", "a"), encode(Instance(InstanceType.VLLM, InstanceState.READY)))
    await writer.follower.until(lambda: not writer.fleet.synced)
    with pytest.raises(Refusal, match="lost sight of the registry") as refused:
        await added(writer, "a")
    assert refused.value.code is grpc.StatusCode.UNAVAILABLE


async def test_broken_records_are_not_written_over(registry: Lossy, writer: Writer) -> None:
    await registry.put(KEYS.instance("_", "a"), b"{")
    revision = await registry.put(KEYS.desired_instance("_", "b"), b"{")
    await writer.catch_up(revision)
    before = registry.snapshot()
    assert not await added(writer, "a")
    assert not await added(writer, "b")
    assert registry.snapshot() == before


class Busy(Lossy):
    """Somebody writes a record again just before each transaction."""

    meddled = ""

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        if self.meddled and (entry := await self.get(self.meddled)):
            await self.put(self.meddled, entry.value)
        return await super().transact(conditions, then, otherwise)


@pytest.mark.parametrize("registry", [Busy()])
async def test_it_does_not_try_for_ever(registry: Busy, writer: Writer) -> None:
    await added(writer, "a")
    await added(writer, "p")
    registry.meddled, registry.transactions = KEYS.instance("_", "a"), 0
    with pytest.raises(Refusal, match="others keep changing") as refused:
        await bound(writer, "a", "p")
    assert refused.value.code is grpc.StatusCode.ABORTED
    assert registry.transactions == 8
