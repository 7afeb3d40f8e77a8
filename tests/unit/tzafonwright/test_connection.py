"""The client, connected to servers that do as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tzafonwright import ActionTimeout, BrowserLost, ConnectionLost, TzafonWrightClient, actions, connection, protocol

LARGE = ("large.bin", bytes(32 * 1024 * 1024))  # more than the kernel takes when nobody reads


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_MARGIN", 0.1)
    monkeypatch.setattr(connection, "_CLOSE", 0.1)


@asynccontextmanager
async def connected(handler: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[TzafonWrightClient]:
    subprotocols = [Subprotocol(protocol.SUBPROTOCOL)]
    async with serve(handler, "127.0.0.1", 0, subprotocols=subprotocols, close_timeout=0.1, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        async with asyncio.timeout(60), TzafonWrightClient(f"ws://127.0.0.1:{port}") as tw:
            yield tw


async def freeze(socket: ServerConnection) -> None:
    socket.transport.pause_reading()
    await socket.wait_closed()


async def messages(socket: ServerConnection) -> AsyncIterator[protocol.FromClient]:
    async for frame in socket:
        assert isinstance(frame, bytes)
        yield protocol.unpack_from_client(frame)[0]


async def test_a_server_that_takes_nothing() -> None:
    async with connected(freeze) as tw:
        with pytest.raises(ConnectionLost, match=r"cannot upload: nothing that was sent got through for 0.2 s"):
            await tw.upload("#files", LARGE, timeout=0.1)
        with pytest.raises(ConnectionLost, match="nothing that was sent got through"):
            await tw.where()


async def test_what_waits_behind_a_large_one_has_its_own_time() -> None:
    async with connected(freeze) as tw:
        uploading = asyncio.gather(tw.upload("#files", LARGE, timeout=60), return_exceptions=True)
        await asyncio.sleep(0)  # it is sent first
        with pytest.raises(ActionTimeout, match=r"what is to be sent before it did not get through in 0.1 s"):
            await tw.where(timeout=0.1)
        assert not uploading.done()
        await tw.close()
        [lost] = await uploading
        assert isinstance(lost, ConnectionLost)


async def test_what_is_late_is_stopped_without_waiting() -> None:
    """Also where the request to stop it does not get through."""
    async with connected(freeze) as tw:
        late = asyncio.gather(tw.where(timeout=0.3), return_exceptions=True)
        await asyncio.sleep(0)  # it is sent first
        uploading = asyncio.gather(tw.upload("#files", LARGE, timeout=60), return_exceptions=True)
        [failed] = await late
        assert isinstance(failed, ActionTimeout)
        assert not uploading.done()
        await tw.close()
        await uploading


async def test_cancelling_what_is_on_its_way() -> None:
    heard: list[protocol.FromClient] = []
    reads, stopped = asyncio.Event(), asyncio.Event()

    async def read_later(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await reads.wait()
        socket.transport.resume_reading()
        async for message in messages(socket):
            heard.append(message)
            if isinstance(message, protocol.Cancel):
                stopped.set()

    async with connected(read_later) as tw:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await tw.upload("#files", LARGE, timeout=60)
        reads.set()
        await stopped.wait()
    assert [type(message) for message in heard] == [protocol.Request, protocol.Cancel]


@pytest.mark.parametrize(("raised", "seen"), [(ZeroDivisionError, ZeroDivisionError), (StopIteration, RuntimeError)])
async def test_a_mistake_in_a_progress_callback(raised: type[Exception], seen: type[Exception]) -> None:
    """It ends this action and no other."""
    cancelled = asyncio.Event()

    async def download(socket: ServerConnection) -> None:
        async for message in messages(socket):
            if isinstance(message, protocol.Cancel):
                cancelled.set()
            elif isinstance(message.action, actions.Fetch):
                await socket.send(protocol.pack(protocol.Progress(message.id, "downloading", 1)))
                await socket.send(protocol.pack(protocol.Progress(message.id, "downloading", 2)))
            else:
                await socket.send(protocol.pack(protocol.Done(message.id, {"url": "u", "title": "t", "status": None})))

    def progress(stage: str, done: int, total: int | None) -> None:
        raise raised("a mistake")

    async with connected(download) as tw:
        with pytest.raises(seen, match="a mistake"):
            await tw.download("#file", progress=progress)
        await cancelled.wait()
        assert (await tw.where()).url == "u"


async def test_everybody_who_listens_hears_the_end() -> None:
    async def crash(socket: ServerConnection) -> None:
        asked = 0
        async for message in messages(socket):
            await socket.send(protocol.pack(protocol.Done(message.id)))
            asked += 1
            if asked == 3:
                await socket.close(1011, "browser crashed")

    async def listen(tw: TzafonWrightClient) -> list[actions.Happening]:
        return [happening async for happening in tw.events("console")]

    async with connected(crash) as tw:
        assert await asyncio.gather(*(listen(tw) for _ in range(3))) == [[], [], []]
        with pytest.raises(BrowserLost, match="browser crashed"):
            await tw.where()
