"""What is sent, in order, on a socket that takes as much as the test says."""

from __future__ import annotations

import asyncio
import functools
from typing import cast

import pytest
from websockets.asyncio.client import ClientConnection

from tzafonwright.outbox import Outbox


class Socket:
    """Its own transport, too. Whoever sends waits until everything is taken."""

    def __init__(self) -> None:
        self.transport = self
        self.sent: list[bytes] = []
        self.aborted = asyncio.Event()
        self._buffered = 0
        self._empty = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        self.sent.append(frame)
        self._buffered += len(frame)
        self._empty.clear()
        await self._empty.wait()

    def take(self, size: int) -> None:
        self._buffered = max(self._buffered - size, 0)
        if not self._buffered:
            self._empty.set()

    def get_write_buffer_size(self) -> int:
        return self._buffered

    def is_closing(self) -> bool:
        return self.aborted.is_set()

    def abort(self) -> None:
        self.aborted.set()
        self._empty.set()


class Clock:
    """The loop's, which stands still unless it is turned on."""

    def __init__(self) -> None:
        self.now = 0.0

    async def advance(self, seconds: float) -> None:
        self.now += seconds
        await settle()


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
    return clock


@pytest.fixture
async def socket() -> Socket:
    return Socket()


@pytest.fixture
def box(socket: Socket) -> Outbox:
    return Outbox(cast("ClientConnection", socket))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def send(group: asyncio.TaskGroup, box: Outbox, frame: bytes, patience: float = 60) -> asyncio.Task[None]:
    return group.create_task(box.send(lambda: frame, patience))


async def test_one_after_the_other(socket: Socket, box: Outbox) -> None:
    async with asyncio.TaskGroup() as group:
        for frame in (b"a", b"b", b"c"):
            send(group, box, frame)
        for sent in (b"a", b"ab", b"abc"):
            await settle()
            assert b"".join(socket.sent) == sent
            socket.take(1)


async def test_who_gives_up_lets_the_next_one_go(socket: Socket, box: Outbox) -> None:
    async with asyncio.TaskGroup() as group:
        first, second, _ = (send(group, box, frame) for frame in (b"a", b"b", b"c"))
        await settle()
        second.cancel()
        await settle()
        assert socket.sent == [b"a"]
        first.cancel()
        await settle()
        assert socket.sent == [b"a", b"c"]
        socket.take(2)


async def test_what_cannot_be_packed_is_not_sent(socket: Socket, box: Outbox) -> None:
    with pytest.raises(ZeroDivisionError):
        await box.send(functools.partial(divmod, 1, 0), 60)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        send(group, box, b"a")
        await settle()
        socket.take(1)
    assert socket.sent == [b"a"]


async def test_a_slow_server_is_waited_for(socket: Socket, box: Outbox, clock: Clock) -> None:
    async with asyncio.TaskGroup() as group:
        sending = send(group, box, bytes(20), patience=60)
        await settle()
        for _ in range(19):
            await clock.advance(59)
            socket.take(1)
        assert not sending.done()
        socket.take(1)
    assert not socket.aborted.is_set()


async def test_a_server_that_takes_nothing_is_given_up(socket: Socket, box: Outbox, clock: Clock) -> None:
    async with asyncio.TaskGroup() as group:
        send(group, box, bytes(20), patience=60)
        await settle()
        socket.take(5)
        for _ in range(2):
            await clock.advance(59)
            assert not box.stalled
        await clock.advance(1)
        assert socket.aborted.is_set()
    assert box.stalled == "nothing that was sent got through for 60 s"


async def test_an_impatient_one_in_the_line_gives_up_alone(socket: Socket, box: Outbox, clock: Clock) -> None:
    async with asyncio.TaskGroup() as group:
        send(group, box, b"large")
        impatient = asyncio.gather(box.send(lambda: b"small", 10), return_exceptions=True)
        send(group, box, b"after")
        await settle()
        await clock.advance(9)
        assert not impatient.done()
        await clock.advance(1)
        [gave_up] = await impatient
        assert isinstance(gave_up, TimeoutError)
        assert (socket.sent, socket.aborted.is_set()) == ([b"large"], False)
        socket.take(5)
        await settle()
        assert socket.sent == [b"large", b"after"]
        socket.take(5)
