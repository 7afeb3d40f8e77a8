"""The proxy's end of the hold socket, and agents that die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from waypoint_core.hold import Ended, Held, Hold, Lines, Message, Release, encode
from waypoint_proxy.holds import Holds


class Agent:
    """One agent after another, which hears what it reads and says what a test says."""

    def __init__(self) -> None:
        self._comers: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._lines = Lines()
        self._heard: list[Message] = []

    async def come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._comers.put((reader, writer))

    async def begin(self) -> None:
        """A new agent, to which the proxy has connected."""
        self._reader, self._writer = await self._comers.get()

    async def hears(self) -> Message:
        while not self._heard:
            data = await self._reader.read(4096)
            assert data
            self._heard = self._lines.feed(data)
        return self._heard.pop(0)

    def says(self, message: Message) -> None:
        self._writer.write(encode(message))

    def leaves(self) -> None:
        """Once everything that it said is on its way."""
        self._writer.close()

    def dies(self) -> None:
        """With everything that it has not read."""
        self._writer.transport.abort()


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    agent = Agent()
    async with await asyncio.start_unix_server(agent.come, tmp_path / "hold.sock"):
        yield agent
        agent.dies()


@asynccontextmanager
async def held(path: Path, agent: Agent, *instances: str) -> AsyncIterator[Holds]:
    """By a proxy that knows its agent has heard of it."""
    ended: list[Ended] = []
    holds = Holds(str(path / "hold.sock"), ended.append)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(holds.run())
        await agent.begin()
        for instance in instances:
            asking = group.create_task(holds.hold(instance))
            assert await agent.hears() == Hold(instance)
            agent.says(Held(instance))
            await asking
        yield holds
        running.cancel()
    assert ended == []


async def test_what_an_agent_died_without_hearing_is_said_to_the_next(tmp_path: Path, agent: Agent) -> None:
    async with held(tmp_path, agent, "a", "b") as holds:
        holds.release("a", "client left")
        agent.dies()
        await agent.begin()
        assert await agent.hears() == Release("a", "client left")
        assert await agent.hears() == Hold("b", again=True)


async def test_what_an_agent_has_heard_is_not_said_again(tmp_path: Path, agent: Agent) -> None:
    async with held(tmp_path, agent, "a", "b", "c") as holds:
        holds.release("a", "client left")
        assert await agent.hears() == Release("a", "client left")
        holds.use("b", "s")
        assert await agent.hears() == Hold("b", "s")
        holds.release("c", "client left")
        assert await agent.hears() == Release("c", "client left")
        agent.says(Held("b"))  # so it has heard of a; whether of c too nobody can tell
        agent.leaves()
        await agent.begin()
        assert await agent.hears() == Release("c", "client left")
        assert await agent.hears() == Hold("b", "s", again=True)
