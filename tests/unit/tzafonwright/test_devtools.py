"""The connection past the driver, to a browser that answers as the test says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Error
from websockets.asyncio.server import ServerConnection, serve

from tzafonwright.server.devtools import DevTools

GONE = "Target page, context or browser has been closed"


class Browser:
    """Answers Ping, refuses Bad, ends at Crash, and keeps what else it is asked for to itself."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[dict[str, Any]] = []
        self.kept = asyncio.Event()
        self._connection: ServerConnection | None = None

    async def serve(self, connection: ServerConnection) -> None:
        self._connection = connection
        self.connections += 1
        async for frame in connection:
            request = json.loads(frame)
            self.asked.append(request)
            match request["method"]:
                case "Ping":
                    await self.say(id=request["id"], result={"n": request["params"]["n"]}, sessionId="s")
                case "Half":
                    await self.say(id=request["id"], result={"text": "a\ud800b"})
                case "Bad":
                    await self.say(id=request["id"], error={"code": -32000, "message": "no such thing"})
                case "Crash":
                    return
                case _:
                    self.kept.set()

    async def say(self, **message: Any) -> None:
        assert self._connection
        await self._connection.send(json.dumps(message))


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[tuple[Browser, DevTools]]:
    browser = Browser()
    async with serve(browser.serve, "127.0.0.1", 0, **options) as server, asyncio.TaskGroup() as group:
        tasks: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[Any, Any, None]) -> None:
            tasks.append(group.create_task(work))

        port = server.sockets[0].getsockname()[1]
        yield browser, DevTools(f"ws://127.0.0.1:{port}/devtools/browser/x", spawn)
        for task in tasks:
            task.cancel()


async def test_answers_go_to_who_asked() -> None:
    async with connected() as (browser, devtools):
        answers = [await devtools.send("Ping", {"n": n}, "s") for n in range(20)]
        await browser.say(id=999, result={})
        await browser.say(method="Page.somethingNew", params={"a": 1}, sessionId="other")
        assert [json.loads(bytes(await answer)) for answer in answers] == [{"n": n} for n in range(20)]
        assert browser.connections == 1
        assert [request["sessionId"] for request in browser.asked] == ["s"] * 20


async def test_many_open_one_connection() -> None:
    async with connected() as (browser, devtools):
        answers = await asyncio.gather(*(devtools.send("Ping", {"n": n}) for n in range(5)))
        await asyncio.gather(*answers)
        assert browser.connections == 1


async def test_who_gives_up_while_it_opens_takes_nobody_along() -> None:
    """The door opens after the first has gone; the second gets in by the same connection."""
    knocked, door = asyncio.Event(), asyncio.Event()

    async def let_in(*_: object) -> None:
        knocked.set()
        await door.wait()

    async with connected(process_request=let_in) as (browser, devtools), asyncio.TaskGroup() as group:
        impatient = group.create_task(devtools.send("Ping", {"n": 1}))
        await knocked.wait()
        impatient.cancel()
        patient = group.create_task(devtools.send("Ping", {"n": 2}))
        await asyncio.wait([impatient])
        door.set()
        assert json.loads(bytes(await (await patient))) == {"n": 2}
        assert browser.connections == 1


async def test_half_a_character_ends_nothing() -> None:
    """Pages cut texts in the middle of an emoji; JavaScript sends the half."""
    async with connected() as (_, devtools):
        assert json.loads(bytes(await (await devtools.send("Half", {})))) == {"text": "a\ufffdb"}


async def test_a_refusal_names_the_method() -> None:
    async with connected() as (_, devtools):
        with pytest.raises(Error, match=r"Protocol error \(Bad\): no such thing"):
            await (await devtools.send("Bad", {}))


async def test_what_is_under_way_ends_with_its_page_only() -> None:
    async with connected() as (browser, devtools):
        gone, other = await devtools.send("Wait", {}, "gone"), await devtools.send("Wait", {}, "other")
        await browser.kept.wait()
        await browser.say(method="Target.detachedFromTarget", params={"sessionId": "gone"})
        with pytest.raises(Error, match=GONE):
            await gone
        assert not other.done()
        devtools.fail("other", "Page crashed")
        with pytest.raises(Error, match="Page crashed"):
            await other


async def test_a_browser_that_ends_and_one_that_is_not_there() -> None:
    async with connected() as (browser, devtools):
        waiting = await devtools.send("Wait", {})
        await devtools.send("Crash", {})
        with pytest.raises(Error, match=GONE):
            await waiting
        assert await (await devtools.send("Ping", {"n": 1}))  # connects anew
        assert browser.connections == 2
    async with asyncio.TaskGroup() as group:
        nowhere = DevTools("ws://127.0.0.1:9/devtools/browser/x", group.create_task)
        with pytest.raises(Error, match=GONE):
            await nowhere.send("Ping", {})


async def test_who_does_not_wait_any_more_is_forgotten() -> None:
    async with connected() as (browser, devtools):
        waiting = await devtools.send("Wait", {})
        waiting.cancel()
        await browser.say(id=browser.asked[-1]["id"] if browser.asked else 1, result={})
        answer = await devtools.send("Ping", {"n": 2})
        assert json.loads(bytes(await answer)) == {"n": 2}
