"""What pages say on its way to clients: not longer, and not more of it, than there is room for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tzafonwright import actions, protocol
from tzafonwright.errors import Code
from tzafonwright.server import backlog
from tzafonwright.server.backlog import Backlog
from tzafonwright.server.news import News
from tzafonwright.server.refused import Refused


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("x" * 65536, "x" * 65536),
        ("x" * 70000, "x" * 65536 + "…"),
        ("a\ud800b", "a\ufffdb"),  # half of an emoji
        (7, 7),
        (None, None),
    ],
)
def test_what_a_page_says(said: Any, told: Any) -> None:
    heard: list[actions.Happening] = []
    news = News(None, heard.append)  # type: ignore[arg-type]
    news.listen(("dialog",))
    news.say("dialog", None, message=said, type="alert")
    assert heard == [actions.Happening("dialog", "", {"message": told, "type": "alert"})]


def test_words_of_pages_in_refusals() -> None:
    message = Refused(Code.SCRIPT, "Error: a\ud800").message
    assert protocol.pack(protocol.Failed(1, "script", message))


async def test_in_order_and_waited_for() -> None:
    told = Backlog()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(told.take())
        await asyncio.sleep(0)
        told.put(b"a")
        told.put(b"b")
    assert (first.result(), await told.take()) == (b"a", b"b")


async def test_the_oldest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_MOST", 1000)
    told = Backlog()
    for n in range(50):
        told.put(bytes([n]) * 200)
    told.put(b"last")
    assert [(await told.take())[0] for _ in range(3)] == [47, 48, 49]
    assert await told.take() == b"last"


async def test_one_that_is_too_large_goes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "_MOST", 1000)
    told = Backlog()
    told.put(bytes(2000))
    told.put(b"small")
    assert await told.take() == b"small"
