"""Somebody else's program on the instance manager: registered, healthy, with a real browser, and bound together."""

import asyncio

from system.cdp import session
from system.fleet import Fleet
from system.news import eventually
from system.outsider import outsider


async def test_children_die_with_their_parent(fleet: Fleet) -> None:
    browser = await asyncio.to_thread(scenario, fleet)
    await eventually(lambda: browser not in fleet.browsers())


def scenario(fleet: Fleet) -> str:
    """The browser that was a child."""
    with outsider([fleet.host]) as program:
        browser = program.has["browser"]
        assert program.has["added"] == [True, True]
        assert sorted(program.has["children"]) == sorted([program.has["child"], browser])
        assert program.has["product"].startswith("HeadlessChrome/")
        assert browser in fleet.browsers()
        program.kill_parent()
        end = program.end()
    code, reason = end["close"]
    assert code == 1008
    assert "parent dead" in reason
    assert end["told to stop"]
    assert (end["parent"], end["child"]) == ("KILLED", "PARENT_DEAD")
    assert end["models"] == []
    assert not end["browser is listed"]
    assert end["updates"] == [[program.has["child"], event] for event in ("ADDED", "PARENT_ADDED", "REMOVED")]
    return browser


async def test_the_other_sessions_do_not_notice(fleet: Fleet) -> None:
    async with session(fleet.ws) as client:
        pid = await client.pid()
        await asyncio.to_thread(scenario, fleet)
        assert await client.pid() == pid
