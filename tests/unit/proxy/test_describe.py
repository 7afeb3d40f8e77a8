"""What browsers say about themselves, when some do not answer."""

from __future__ import annotations

from collections.abc import Container

import pytest

from waypoint_core.errors import SessionError
from waypoint_proxy import describe
from waypoint_proxy.describe import Descriptions
from waypoint_proxy.reserve import Browser


class World:
    """Browsers of which some hang, and a clock to turn."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.hanging: set[str] = set()
        self.asked: list[str] = []

    def monotonic(self) -> float:
        return self.now

    async def fetch(self, endpoint: str, path: str, timeout: float) -> bytes:
        self.asked.append(endpoint)
        if endpoint in self.hanging:
            raise SessionError("no answer")
        return f"{path} of {endpoint}".encode()

    async def look(self, besides: Container[str]) -> Browser:
        name = next(name for name in "abc" if name not in besides)
        return Browser(name, name, 0.0)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World()
    monkeypatch.setattr(describe, "fetch", world.fetch)
    monkeypatch.setattr(describe, "time", world)
    return world


async def test_the_next_is_asked_when_one_does_not_answer(world: World) -> None:
    world.hanging = {"a", "b"}
    assert await Descriptions(1.0).get_of_any("/x", world.look) == b"/x of c"
    assert world.asked == ["a", "b", "c"]


async def test_what_is_known_will_do_when_one_does_not_answer(world: World) -> None:
    descriptions = Descriptions(1.0)
    assert await descriptions.get_of_any("/x", world.look) == b"/x of a"
    world.hanging = {"a"}
    world.now += 31
    for _ in range(3):  # it is not waited for each time
        assert await descriptions.get_of_any("/x", world.look) == b"/x of a"
    assert world.asked == ["a", "a"]
    world.now += 31
    world.hanging.clear()
    assert await descriptions.get_of_any("/x", world.look) == b"/x of a"
    assert world.asked == ["a", "a", "a"]


async def test_who_asks_for_one_browser_is_told_that_it_does_not_answer(world: World) -> None:
    descriptions = Descriptions(1.0)
    assert await descriptions.get("/x", Browser("a", "a", 0.0)) == b"/x of a"
    world.hanging = {"a"}
    world.now += 31
    with pytest.raises(SessionError, match="no answer"):
        await descriptions.get("/x", Browser("a", "a", 0.0))
