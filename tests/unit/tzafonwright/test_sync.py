"""The blocking client, used by several threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tzafonwright import ConnectionLost, actions, protocol
from tzafonwright.sync import TzafonWrightClient

T = TypeVar("T")
PAGE = {"url": "u", "title": "t", "status": None}


class Server:
    """Answers everything but waiting, and lets nobody in while its door is shut."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.waiting = asyncio.Event()
        self.listening = asyncio.Event()
        self.door = asyncio.Event()
        self.door.set()

    async def let_in(self, *_: object) -> None:
        self.asked.set()
        await self.door.wait()

    async def serve(self, socket: ServerConnection) -> None:
        async for frame in socket:
            assert isinstance(frame, bytes)
            message, _ = protocol.unpack_from_client(frame)
            match message:
                case protocol.Request(action=actions.WaitForLoad()):
                    self.waiting.set()
                case protocol.Request(action=actions.Fetch()):
                    await socket.send(protocol.pack(protocol.Progress(message.id, "downloading", 1)))
                case protocol.Request(action=actions.Listen()):
                    await socket.send(protocol.pack(protocol.Done(message.id)))
                    self.listening.set()
                case protocol.Request():
                    await socket.send(protocol.pack(protocol.Done(message.id, PAGE)))


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, TzafonWrightClient]]:
    made, subprotocols = Server(), [Subprotocol(protocol.SUBPROTOCOL)]
    async with serve(made.serve, "127.0.0.1", 0, subprotocols=subprotocols, process_request=made.let_in) as server:
        tw = TzafonWrightClient(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            async with asyncio.timeout(60):
                yield made, tw
                await apart(tw.close)
        finally:
            made.door.set()


def apart(work: Callable[[], T]) -> asyncio.Future[T]:
    """In a thread of its own, which holds nothing up where it hangs."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if error:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - it is for whoever waits
            failed = error
        loop.call_soon_threadsafe(tell, result, failed)

    threading.Thread(target=run, daemon=True).start()
    return done


async def test_leaving_while_another_thread_connects() -> None:
    async with serving() as (server, tw):
        server.door.clear()
        connecting = apart(tw.connect)
        await server.asked.wait()
        await apart(tw.close)
        with pytest.raises(ConnectionLost, match="the client was closed meanwhile"):
            await connecting
        server.door.set()
        await apart(tw.connect)
        assert (await apart(tw.where)).url == "u"


async def test_leaving_while_other_threads_wait() -> None:
    async with serving() as (server, tw):
        await apart(tw.connect)
        waiting = apart(tw.wait_for_load)
        listening = apart(lambda: list(tw.events("console")))
        await server.waiting.wait()
        await server.listening.wait()
        await apart(tw.where)  # what is answered before it has arrived
        await asyncio.gather(apart(tw.close), apart(tw.close))
        with pytest.raises(ConnectionLost):
            await waiting
        assert await listening == []
        with pytest.raises(RuntimeError, match="not connected"):
            await apart(tw.where)


async def test_leaving_in_the_middle_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """What found a connection gets into it, and ends with it."""
    submit = asyncio.run_coroutine_threadsafe

    async with serving() as (_, tw):

        def late(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> concurrent.futures.Future[T]:
            monkeypatch.undo()
            closing = threading.Thread(target=tw.close, daemon=True)
            closing.start()
            closing.join(0.1)
            return submit(work, loop)

        await apart(tw.connect)
        monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", late)
        with pytest.raises(ConnectionLost):
            await apart(tw.wait_for_load)


@pytest.mark.parametrize("name", ["where", "close", "connect"])
async def test_a_progress_callback_cannot_wait_for_anything(name: str) -> None:
    async with serving() as (_, tw):
        await apart(tw.connect)
        with pytest.raises(RuntimeError, match="not possible in a progress callback"):
            await apart(lambda: tw.download("#file", progress=lambda *_: getattr(tw, name)()))
        assert (await apart(tw.where)).url == "u"


async def test_no_thread_is_left() -> None:
    def names() -> list[str]:
        return [thread.name for thread in threading.enumerate()]

    before = names().count("tzafonwright")
    async with serving() as (_, tw):
        for _ in range(3):
            await apart(tw.connect)
            await apart(tw.close)
        assert names().count("tzafonwright") == before
