"""The server's end of the second version on a backend that does what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import pytest

from tzafonwright import actions, protocol
from tzafonwright.errors import Code
from tzafonwright.server import answers
from tzafonwright.server.backend import Given, Say
from tzafonwright.server.contexts import Contexts
from tzafonwright.server.line import Line
from tzafonwright.server.refused import Refused, SessionOver
from tzafonwright.server.second import SecondVersion


class FakeTab:
    def __init__(self) -> None:
        self.line = Line()


class FakeBackend:
    """Two tabs, of which switch_tab chooses one. evaluate lasts until the test lets it go."""

    def __init__(self) -> None:
        self.tabs = {"t1": FakeTab(), "t2": FakeTab()}
        self.current = "t1"
        self.log: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def at_once(self, action: actions.Action) -> bool:
        return isinstance(action, actions.Listen)

    def chooses(self, action: actions.Action) -> bool:
        return isinstance(action, actions.SwitchTab)

    async def spot(self) -> FakeTab:
        return self.tabs[self.current]

    async def do(
        self, action: actions.Action, spot: FakeTab | None, deadline: float, payload: bytes, say: Say
    ) -> Given:
        match action:
            case actions.SwitchTab(tab=tab):
                self.current = tab
            case actions.Evaluate(expression=name):
                self.log.append(f"{name} begins")
                assert spot in self.tabs.values()
                await self.gates.setdefault(name, asyncio.Event()).wait()
                self.log.append(f"{name} ends")
            case actions.Upload():
                await say("uploading", len(payload), len(payload))
            case actions.Screenshot():
                return Given(payload=bytes(1000))
            case actions.Back():
                raise Refused(Code.NAVIGATION, "no", "go elsewhere")
            case actions.Pdf():
                raise SessionOver(1011, "browser closed the connection")
        return Given(action.name)

    def let(self, name: str) -> None:
        self.gates.setdefault(name, asyncio.Event()).set()


class Stage:
    """A client that hears what is sent, and reads it unless the test says otherwise."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self.backend, self.desktop = FakeBackend(), FakeBackend()
        self.heard: asyncio.Queue[protocol.FromServer] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.over: list[str] = []
        self._tasks: list[asyncio.Task[None]] = []
        self.peer = SecondVersion(
            Contexts(self.backend, self.desktop), self._hear, self._spawn, lambda cause: self.over.append(cause.reason)
        )

    async def say(self, number: int, action: Any, timeout: float = 60, payload: bytes = b"") -> None:
        await self.peer.receive(protocol.pack(protocol.Request(number, action, timeout), payload))

    async def cancel(self, number: int) -> None:
        await self.peer.receive(protocol.pack(protocol.Cancel(number)))

    async def hear(self) -> tuple[int, str]:
        """The next answer's id, and what it says."""
        async with asyncio.timeout(60):
            message = await self.heard.get()
        match message:
            case protocol.Done(id=number):
                return number, "done"
            case protocol.Failed(id=number, code=code):
                return number, code
            case protocol.Progress(id=number, stage=stage):
                return number, stage
        raise AssertionError(message)

    async def settle(self) -> None:
        """Everything that can go on without anything from outside has."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def _hear(self, frame: bytes) -> None:
        self.heard.put_nowait(protocol.unpack_from_server(frame)[0])
        await self.reads.wait()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(self._group.create_task(work))

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with asyncio.TaskGroup() as group:
        made = Stage(group)
        yield made
        made.end()


def run(name: str) -> actions.Evaluate:
    return actions.Evaluate(expression=name)


async def test_in_order_on_one_tab(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(2, run("b"))
    await stage.settle()
    assert stage.backend.log == ["a begins"]
    stage.backend.let("b")
    stage.backend.let("a")
    assert [await stage.hear(), await stage.hear()] == [(1, "done"), (2, "done")]
    assert stage.backend.log == ["a begins", "a ends", "b begins", "b ends"]


async def test_side_by_side_on_two(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(2, actions.SwitchTab(tab="t2"))
    await stage.say(3, run("b"))
    stage.backend.let("b")
    assert [await stage.hear(), await stage.hear()] == [(2, "done"), (3, "done")]
    stage.backend.let("a")
    assert await stage.hear() == (1, "done")


async def test_listening_waits_for_nothing(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(2, actions.Listen(topics=("page",)))
    assert await stage.hear() == (2, "done")


async def test_cancelling_what_runs(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(2, actions.Where())
    await stage.settle()
    await stage.cancel(1)
    assert [await stage.hear(), await stage.hear()] == [(1, "cancelled"), (2, "done")]
    assert stage.backend.log == ["a begins"]


async def test_cancelling_what_waits_lets_nobody_past(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(2, run("b"))
    await stage.say(3, run("c"))
    await stage.settle()
    await stage.cancel(2)
    assert await stage.hear() == (2, "cancelled")
    await stage.settle()
    assert stage.backend.log == ["a begins"]


async def test_cancelling_before_it_began(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.cancel(1)
    await stage.cancel(99)
    assert await stage.hear() == (1, "cancelled")
    await stage.say(1, actions.Where())
    assert await stage.hear() == (1, "done")


async def test_time_goes_by_in_line(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(2, actions.Where(), timeout=0.05)
    await stage.say(3, actions.Where())
    assert await stage.hear() == (2, "timeout")
    stage.backend.let("a")
    assert [await stage.hear(), await stage.hear()] == [(1, "done"), (3, "done")]


async def test_progress_and_refusals(stage: Stage) -> None:
    await stage.say(1, actions.Upload(target="a", files=()), payload=b"abc")
    assert [await stage.hear(), await stage.hear()] == [(1, "uploading"), (1, "done")]
    await stage.say(2, actions.Back())
    assert await stage.hear() == (2, "navigation")


async def test_what_follows_a_switch_is_done_in_the_other_context(stage: Stage) -> None:
    stage.desktop.let("there")
    stage.backend.let("here")
    await stage.say(1, actions.SwitchContext(context="desktop"))
    await stage.say(2, actions.Evaluate(expression="there"))
    await stage.say(3, actions.SwitchContext(context="browser"))
    await stage.say(4, actions.Evaluate(expression="here"))
    assert sorted([await stage.hear() for _ in range(4)]) == [(number, "done") for number in (1, 2, 3, 4)]
    assert stage.desktop.log == ["there begins", "there ends"]
    assert stage.backend.log == ["here begins", "here ends"]


async def test_a_context_that_is_not_there(stage: Stage) -> None:
    alone = Contexts(stage.backend)
    with pytest.raises(Refused, match="this browser has no desktop") as refused:
        await alone.switch("desktop")
    assert "agent.desktop = true" in refused.value.hint
    assert alone.current is stage.backend


async def test_ids_are_used_once_at_a_time(stage: Stage) -> None:
    await stage.say(1, run("a"))
    await stage.say(1, run("b"))
    assert await stage.hear() == (1, "invalid")
    stage.backend.let("a")
    assert await stage.hear() == (1, "done")


async def test_not_too_many(stage: Stage) -> None:
    for number in range(1001):
        await stage.say(number, run("a"))
    assert await stage.hear() == (1000, "invalid")


async def test_answers_that_are_not_read_count_as_well(stage: Stage) -> None:
    stage.reads.clear()
    for number in range(1000):
        await stage.say(number, actions.Where())
    assert [await stage.hear() for _ in range(1000)] == [(number, "done") for number in range(1000)]
    async with asyncio.TaskGroup() as group:
        saying = group.create_task(stage.say(1000, actions.Where()))
        assert await stage.hear() == (1000, "invalid")
        assert not saying.done()  # nothing else is taken from such a client
        stage.reads.set()
    await stage.settle()
    await stage.say(1001, actions.Where())
    assert await stage.hear() == (1001, "done")


async def test_nothing_begins_while_there_is_too_much_to_read(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_MOST", 1500)
    stage.reads.clear()
    for number in (1, 2, 3):
        await stage.say(number, actions.Screenshot())
    assert [await stage.hear(), await stage.hear()] == [(1, "done"), (2, "done")]
    await stage.say(4, run("a"))
    await stage.say(5, actions.Where(), timeout=0.05)
    assert await stage.hear() == (5, "timeout")
    await stage.cancel(3)  # is still heard
    assert await stage.hear() == (3, "cancelled")
    assert stage.backend.log == []
    stage.backend.let("a")
    stage.reads.set()
    assert await stage.hear() == (4, "done")


async def test_cancelling_what_is_done_but_not_read(stage: Stage) -> None:
    stage.reads.clear()
    await stage.say(1, actions.Where())
    assert await stage.hear() == (1, "done")
    await stage.cancel(1)
    stage.reads.set()
    await stage.say(1, actions.Where())
    assert await stage.hear() == (1, "done")


async def test_the_end_of_the_browser_is_no_answer(stage: Stage) -> None:
    await stage.say(1, actions.Pdf())
    await stage.settle()
    assert stage.over == ["browser closed the connection"]
    assert stage.heard.empty()


async def test_what_is_no_message_ends_the_session(stage: Stage) -> None:
    for frame in ("text", b"", b"\0\0\0\2[]"):
        with pytest.raises(SessionOver, match="cannot read message") as over:
            await stage.peer.receive(frame)
        assert over.value.code == 1002
