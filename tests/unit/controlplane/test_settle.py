"""A claim for a proxy that does not come to be served: nothing of what was written with it is left."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace

import pytest

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import settle as settling
from waypoint_controlplane.serve import write
from waypoint_controlplane.serve.change import add
from waypoint_controlplane.serve.registration import Add
from waypoint_controlplane.serve.settle import Attempt, attempt, settle
from waypoint_controlplane.serve.write import Writer
from waypoint_core.codec import decode, encode
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys, browser_id
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import Claim, HostAlive, Instance, InstanceState, InstanceType, ProxyAlive
from waypoint_core.registry import Condition, Delete, Operation, Outcome, Put

KEYS = Keys()
B = browser_id("h", 0, "0" * 32)
BROWSER, CLAIM, BOND = KEYS.instance("h", B), KEYS.claim(B), KEYS.binding("me", B)
OURS = {KEYS.instance("_", "me"), KEYS.beat("me"), CLAIM, BOND}
ANOTHERS = encode(Claim("p", "its own"))


class Serving(MemoryRegistry):
    """Its proxy serves what is claimed just before the next transaction, once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.serves = False

    async def transact(
        self, conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        if self.serves:
            self.serves = False
            await self.serve()
        return await super().transact(conditions, then, otherwise)

    async def serve(self) -> None:
        entry = await self.get(CLAIM)
        assert entry
        await self.put(CLAIM, encode(replace(decode(Claim, entry.value, CLAIM), address="10.0.0.1:1")))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that are slow to catch up are waited for."""
    monkeypatch.setattr(write, "_CATCH_UP", 60.0)


@pytest.fixture
def registry() -> Serving:
    return Serving()


@pytest.fixture
async def writer(registry: Serving) -> AsyncIterator[Writer]:
    """A writer whose tables show a free browser and its proxy."""
    await registry.put(KEYS.host_alive("h"), encode(HostAlive("e", "b", 1)))
    await registry.put(BROWSER, encode(Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, slot=0)))
    await registry.put(KEYS.proxy("p"), encode(ProxyAlive("e", "h", "10.0.0.1:9222", direct_port=21000)))
    follower = Follower(registry, Fleet(KEYS))
    async with TaskOwner() as tasks:
        tasks.start(follower.run(), name="follower")
        await follower.listed()
        yield Writer(registry, follower)


@pytest.fixture
async def made(registry: Serving, writer: Writer) -> Attempt:
    """`me` is added with the browser as its child; the proxy has not answered yet."""
    wanted = Add("me", InstanceType.AGENT, children=(B,))
    lease = await registry.grant(60)
    done = await writer.write(lambda draft: add(draft, wanted, lease))
    assert done
    made = attempt(writer.fleet, done)
    assert made
    assert there(registry) >= OURS
    return made


def there(registry: MemoryRegistry) -> set[str]:
    return set(registry.snapshot().entries)


HAPPENS: Mapping[str, Sequence[Sequence[Operation]]] = {
    "nothing": (),
    "its proxy gives it up": ([Delete(CLAIM)],),
    "a client has it already": ([Put(CLAIM, ANOTHERS)],),
    "its claim is broken": ([Put(CLAIM, b"{")],),
    "it ends": ([Delete(BROWSER), Delete(CLAIM)],),
    "it ends, and its bond is forgotten": ([Delete(BROWSER), Delete(CLAIM)], [Delete(BOND)]),
    "it is killed, and its bond is forgotten": ([Delete(BOND)],),
}


@pytest.mark.parametrize("case", HAPPENS)
async def test_nothing_is_left(
    registry: Serving, writer: Writer, made: Attempt, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "PATIENCE", 0.01)
    for operations in HAPPENS[case]:
        await writer.catch_up((await registry.transact([], operations)).revision)
    expected = there(registry) - OURS
    if (claim := await registry.get(CLAIM)) and claim.mod_revision != made.done.revision:
        expected.add(CLAIM)
    assert not await settle(writer, made)
    assert there(registry) == expected


async def test_what_is_served_stays(registry: Serving, writer: Writer, made: Attempt) -> None:
    await registry.serve()
    assert await settle(writer, made)
    assert there(registry) >= OURS


async def test_who_serves_at_the_last_moment_serves(
    registry: Serving, writer: Writer, made: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "PATIENCE", 0.01)
    registry.serves = True
    assert await settle(writer, made)
    assert there(registry) >= OURS
