"""The hold socket, as transcripts between a gateway and the agent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from unit.agent.parts import A, PoolTest
from waypoint_agent import holds
from waypoint_agent.units import Active, Exit
from waypoint_core.hold import EndCause, Ended, Held, Hold, Lines, Message, Refused, Release, encode


class Gateway:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lines = Lines()
        self._heard: list[Message] = []

    def say(self, *messages: Message) -> None:
        self._writer.writelines(map(encode, messages))

    def say_bytes(self, data: bytes) -> None:
        self._writer.write(data)

    async def hears(self) -> Message | None:
        """The next message; None when the agent hangs up."""
        while not self._heard:
            data = await self._reader.read(4096)
            if not data:
                return None
            self._heard = self._lines.feed(data)
        return self._heard.pop(0)

    async def leave(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@asynccontextmanager
async def gateway(folder: Path) -> AsyncIterator[Gateway]:
    talking = Gateway(*await asyncio.open_unix_connection(folder / "hold.sock"))
    try:
        yield talking
    finally:
        await talking.leave()


@pytest.fixture
def changes() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
async def there(tmp_path: Path, changes: asyncio.Event) -> AsyncIterator[PoolTest]:
    pool = PoolTest(tmp_path, changes.set)
    async with holds.serve(pool.pool, [], str(tmp_path / "hold.sock")):
        yield pool


async def test_hold_and_refuse(there: PoolTest, tmp_path: Path) -> None:
    instance = there.start()
    async with gateway(tmp_path) as one, gateway(tmp_path) as other:
        one.say(Hold(instance), Hold("h_9_x"))
        assert [await one.hears(), await one.hears()] == [Held(instance), Refused("h_9_x", "unknown or ended")]
        other.say(Hold(instance, "s"))
        assert await other.hears() == Refused(instance, "held by another")
        one.say(Hold(instance, "s"))
        assert await one.hears() == Held(instance)


async def test_the_holder_hears_of_the_end(there: PoolTest, tmp_path: Path) -> None:
    instance = there.start()
    async with gateway(tmp_path) as one:
        one.say(Hold(instance, "s"))
        await one.hears()
        there.unit(Active.DEACTIVATING, A, Exit.KILLED, 9)
        assert await one.hears() == Ended(instance, EndCause.CRASHED, "killed by signal 9 (SIGKILL)")


async def test_release(there: PoolTest, tmp_path: Path, changes: asyncio.Event) -> None:
    instance = there.start()
    async with gateway(tmp_path) as one:
        one.say(Hold(instance, "s"), Release(instance, "client left"), Hold(instance))
        assert [await one.hears(), await one.hears()] == [Held(instance), Refused(instance, "unknown or ended")]


async def test_what_a_gateway_held_ends_with_it(there: PoolTest, tmp_path: Path, changes: asyncio.Event) -> None:
    instance = there.start()
    async with gateway(tmp_path) as one:
        one.say(Hold(instance, "s"))
        await one.hears()
        changes.clear()
    await changes.wait()
    assert not there.pool.current(instance)


@pytest.mark.parametrize("nonsense", [b"hello\n", b'{"is":"held","instance":"x"}\n', b"\xff\n", b"x" * 20_000])
async def test_who_breaks_the_protocol_is_cut_off_and_disturbs_nobody(
    nonsense: bytes, there: PoolTest, tmp_path: Path
) -> None:
    instance = there.start()
    async with gateway(tmp_path) as one, gateway(tmp_path) as other:
        one.say(Hold(instance, "s"))
        await one.hears()
        other.say_bytes(nonsense)
        assert await other.hears() is None
        one.say(Hold(instance, "s"))
        assert await one.hears() == Held(instance)
