"""The host's keys in the registry: what is written, and when."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from waypoint_agent import publish
from waypoint_agent.publish import Publisher
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryLease, MemoryRegistry
from waypoint_core.registry import Condition, Delete, Listing, Operation, Outcome, Put, Removed

KEYS = Keys()
ALIVE = KEYS.host_alive("h")


def browser(number: int) -> str:
    return f"h_{number}_{number:032x}"


def key(number: int) -> str:
    return KEYS.instance("h", browser(number))


class Spy(MemoryRegistry):
    """Keeps the leases that it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: list[MemoryLease] = []

    async def lease(self, ttl: float) -> MemoryLease:
        lease = await super().lease(ttl)
        self.leases.append(lease)
        return lease


class Unlisted(Spy):
    """Does not list the host's instances, three times."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 3

    async def list(self, prefix: str) -> Listing:
        if prefix == KEYS.host_instances("h") and self.refusals:
            self.refusals -= 1
            raise RegistryUnavailable("nobody answered in time")
        return await super().list(prefix)


class Late(Spy):
    """Carries out what holds the operation that it was told, but answers late."""

    def __init__(self) -> None:
        super().__init__()
        self.late: Operation | None = None
        self.refused = asyncio.Event()
        self.carried_out = asyncio.Event()
        self.answer = asyncio.Event()
        self.leased = asyncio.Event()

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        try:
            outcome = await super().transact(conditions, then, otherwise)
        except RegistryUnavailable:
            self.refused.set()
            raise
        if self.late in then:
            self.carried_out.set()
            await self.answer.wait()
        return outcome

    async def lease(self, ttl: float) -> MemoryLease:
        lease = await super().lease(ttl)
        self.leased.set()
        return lease


class Published:
    """A running publisher, and what it should publish."""

    def __init__(self, registry: Spy) -> None:
        self.registry = registry
        self.wanted: dict[str, bytes | None] = {ALIVE: b"alive"}
        self.publisher = Publisher(registry, KEYS, "h", 20, lambda: dict(self.wanted))

    def want(self, wanted: dict[str, bytes | None]) -> None:
        self.wanted = wanted
        self.publisher.poke()

    async def remembered(self) -> set[str]:
        """The keys of which the publisher knows anything, once what it writes is answered."""
        async with self.publisher._writing:
            return {*self.publisher._written, *self.publisher._revisions, *self.publisher._seen}

    async def until(self, expected: dict[str, bytes]) -> None:
        """Wait until the registry holds exactly this."""
        async with asyncio.timeout(60), self.registry.watch(KEYS.prefix) as events:
            async for _ in events:
                if {entry.key: entry.value for entry in (await self.registry.list(KEYS.prefix)).entries} == expected:
                    return


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "_RETRY", (0.001, 0.005))
    monkeypatch.setattr(publish, "_MEND_PAUSE", 0.001)


@pytest.fixture
async def there() -> AsyncIterator[Published]:
    published = Published(Spy())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(published.publisher.run())
        yield published
        running.cancel()


async def test_keys_come_change_and_go(there: Published) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready", key(1): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready", key(1): b"ready"})
    there.want({ALIVE: b"changed", key(1): b"ready"})
    await there.until({ALIVE: b"changed", key(1): b"ready"})
    found = await there.registry.get(key(1))
    assert found
    assert found.lease == there.registry.leases[0].id
    assert found.mod_revision == found.create_revision, "what has not changed is not written again"


async def test_an_instance_goes_together_with_its_claim(there: Published) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    await there.registry.put(KEYS.claim(browser(0)), b"claim")
    there.want({ALIVE: b"alive"})
    await there.until({ALIVE: b"alive"})


async def test_a_lost_lease_is_replaced_with_everything_under_it(there: Published) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    there.registry.expire(there.registry.leases[0])
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    assert len(there.registry.leases) == 2


async def test_one_lease_is_enough_however_often_the_listing_fails() -> None:
    published = Published(Unlisted())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(published.publisher.run())
        await published.until({ALIVE: b"alive"})
        running.cancel()
    assert len(published.registry.leases) == 1


async def test_a_lease_that_is_lost_before_a_withdrawal_is_answered() -> None:
    registry = Late()
    published = Published(registry)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(published.publisher.run())
        published.want({ALIVE: b"alive", key(0): b"ready"})
        await published.until({ALIVE: b"alive", key(0): b"ready"})
        registry.available = False
        published.want({ALIVE: b"changed", key(0): None})
        await registry.refused.wait()
        registry.available = True
        registry.late = Delete(key(0))
        registry.leased.clear()
        withdrawing = group.create_task(published.publisher.withdraw(browser(0)))
        registry.expire(registry.leases[0])
        await asyncio.gather(registry.carried_out.wait(), registry.leased.wait())
        registry.answer.set()
        assert await withdrawing
        published.want({ALIVE: b"alive"})
        await published.until({ALIVE: b"alive"})
        running.cancel()


async def test_a_registry_restored_before_a_write_is_answered() -> None:
    registry = Late()
    published = Published(registry)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(published.publisher.run())
        await published.until({ALIVE: b"alive"})
        backup = registry.snapshot()
        registry.late = Put(key(0), b"ready", registry.leases[0].id)
        published.want({ALIVE: b"alive", key(0): b"ready"})
        await registry.carried_out.wait()
        async with registry.watch(KEYS.prefix) as events:
            registry.restore(backup)
            async for event in events:
                if event == Removed(key(0), backup.revision):
                    break
        registry.late = None
        registry.answer.set()
        await published.until({ALIVE: b"alive", key(0): b"ready"})
        running.cancel()


async def test_what_a_restored_registry_brings_back_is_deleted_again(there: Published) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready", key(1): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready", key(1): b"ready"})
    backup = there.registry.snapshot()
    there.want({ALIVE: b"alive", key(1): b"ready"})
    await there.until({ALIVE: b"alive", key(1): b"ready"})
    there.registry.restore(backup)
    await there.until({ALIVE: b"alive", key(1): b"ready"})


async def test_nothing_is_remembered_of_what_is_gone(there: Published) -> None:
    """Withdrawn, deleted, or gone with its lease."""
    there.want({ALIVE: b"alive", key(0): b"ready", key(1): b"ready", key(2): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready", key(1): b"ready", key(2): b"ready"})
    there.wanted[key(0)] = None
    assert await there.publisher.withdraw(browser(0))
    there.want({ALIVE: b"alive", key(2): b"ready"})
    await there.until({ALIVE: b"alive", key(2): b"ready"})
    assert await there.remembered() == {ALIVE, key(2)}
    there.wanted = {ALIVE: b"alive"}
    there.registry.expire(there.registry.leases[0])
    await there.until({ALIVE: b"alive"})
    assert await there.remembered() == {ALIVE}


async def test_an_outage_is_waited_out_and_what_changed_meanwhile_follows(there: Published) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    await there.registry.put(KEYS.claim(browser(0)), b"claim")
    there.registry.available = False
    there.want({ALIVE: b"alive", key(1): b"ready"})
    with pytest.raises(RegistryUnavailable):
        await there.publisher.withdraw(browser(1))
    there.registry.available = True
    await there.until({ALIVE: b"alive", key(1): b"ready"})
    assert len(there.registry.leases) == 1, "the lease outlived it"


async def test_keys_of_a_former_agent_are_taken_over_or_removed_and_others_left_alone() -> None:
    registry = Spy()
    machine = KEYS.instance("h", "h_vm-7")
    for name in (key(0), key(1), key(2), machine):
        await registry.put(name, b"former")
    await registry.put(KEYS.claim(browser(2)), b"claim")
    published = Published(registry)
    published.wanted = {ALIVE: b"alive", key(0): b"ready", key(1): None}
    async with asyncio.TaskGroup() as group:
        running = group.create_task(published.publisher.run())
        await published.until({ALIVE: b"alive", key(0): b"ready", key(1): b"former", machine: b"former"})
        running.cancel()


async def test_withdrawing_never_races_with_a_claim(there: Published) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready", key(1): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready", key(1): b"ready"})
    await there.registry.put(KEYS.claim(browser(0)), b"claim")
    assert not await there.publisher.withdraw(browser(0))
    there.wanted[key(1)] = None
    assert await there.publisher.withdraw(browser(1))
    await there.until({ALIVE: b"alive", key(0): b"ready", KEYS.claim(browser(0)): b"claim"})
    there.want({ALIVE: b"alive", key(1): b"ready"})
    await there.until({ALIVE: b"alive", key(1): b"ready"})


async def test_a_thousand_instances(there: Published) -> None:
    """More than one transaction may hold."""
    many = {ALIVE: b"alive"} | {key(number): b"ready" for number in range(1000)}
    there.want(dict(many))
    await there.until(many)
    there.want({ALIVE: b"alive"})
    await there.until({ALIVE: b"alive"})


async def test_requests_and_claims_of_what_is_gone_are_forgotten(there: Published) -> None:
    names = [browser(number) for number in range(80)]
    for name in names:
        await there.registry.put(KEYS.desired_instance("h", name), b"{}")
        await there.registry.put(KEYS.claim(name), b"{}")
    await there.publisher.forget(names)
    await there.until({ALIVE: b"alive"})


async def test_what_others_write_over_our_keys_is_written_again(
    there: Published,
) -> None:
    there.want({ALIVE: b"alive", key(0): b"ready"})
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    await there.registry.put(ALIVE, b"{")
    await there.registry.put(key(0), b"")
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    await there.registry.delete(key(0))
    await there.until({ALIVE: b"alive", key(0): b"ready"})
    lease = there.registry.leases[-1].id
    assert [entry.lease for entry in (await there.registry.list(KEYS.prefix)).entries] == [lease, lease]


async def test_our_own_writes_are_not_taken_for_somebody_elses(
    there: Published, caplog: pytest.LogCaptureFixture
) -> None:
    for value in range(50):
        there.want({ALIVE: b"%d" % value})
        await there.until({ALIVE: b"%d" % value})
    for number in range(50):
        there.want({ALIVE: b"alive", key(number): b"ready"})
        await there.until({ALIVE: b"alive", key(number): b"ready"})
    assert "somebody else" not in caplog.text
