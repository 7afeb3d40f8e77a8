"""Sessions: beginning, joining, ending, once each."""

import asyncio

import pytest

from waypoint_core.hold import EndCause, Ended
from waypoint_proxy.reserve import Browser
from waypoint_proxy.sessions import Ending, Session, Sessions, ending_of, new_id

BROWSER = Browser("i1", "ws://b", 0.0)


class Agent:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def use(self, instance: str, session: str) -> None:
        self.told.append(("use", instance, session))

    def release(self, instance: str, reason: str) -> None:
        self.told.append(("release", instance, reason))


def begin(sessions: Sessions, session: Session) -> None:
    sessions.give(session, BROWSER)
    sessions.prove(session)


async def test_session_ends_with_its_last_connection() -> None:
    agent = Agent()
    sessions = Sessions(agent, grace=0)
    with sessions.connection("s") as session:
        begin(sessions, session)
        with sessions.connection("s") as joined:
            assert joined is session
        assert sessions.get("s") is session
        session.leaving = "client is frozen"
    assert agent.told == [("use", "i1", "s"), ("release", "i1", "client is frozen")]
    assert sessions.get("s") is None
    assert sessions.past("s") == Ending(1000, "client is frozen")
    assert len(sessions) == 0


async def test_session_that_never_had_a_browser_leaves_no_trace() -> None:
    agent = Agent()
    sessions = Sessions(agent, grace=0)
    with sessions.connection("s"):
        assert sessions.get("s") is None
    assert sessions.past("s") is None
    assert agent.told == []


async def test_session_ends_with_its_browser_and_gives_nothing_back_twice() -> None:
    agent = Agent()
    sessions = Sessions(agent, grace=0)
    with sessions.connection("s") as session:
        begin(sessions, session)
        assert sessions.instance_ended(Ended("i1", EndCause.CRASHED, "killed by signal 9"))
        assert (await session.ended).reason == "browser crashed: killed by signal 9"
        assert not sessions.instance_ended(Ended("i1", EndCause.CRASHED))
    assert agent.told.count(("release", "i1", "browser crashed: killed by signal 9")) == 1


async def test_browser_that_ends_before_it_is_proven_does_not_end_the_session() -> None:
    sessions = Sessions(Agent(), grace=0)
    with sessions.connection("s") as session:
        sessions.give(session, BROWSER)
        assert sessions.instance_ended(Ended("i1", EndCause.CRASHED))
        assert not session.ended.done()
        assert session.browser is None


async def test_dropped_client_may_come_back_within_the_grace() -> None:
    agent = Agent()
    sessions = Sessions(agent, grace=0.02)
    with sessions.connection("s") as session:
        begin(sessions, session)
        sessions.dropped(session)
    assert sessions.get("s") is session
    with sessions.connection("s") as again:
        assert again is session
        await asyncio.sleep(0.03)
        assert not session.ended.done()
        sessions.dropped(session)
    assert await session.ended == Ending(1001, "client did not come back")
    assert sessions.get("s") is None


@pytest.mark.parametrize(
    ("cause", "detail", "ending"),
    [
        (EndCause.CRASHED, "killed by signal 9 (SIGKILL)", (1011, "browser crashed: killed by signal 9 (SIGKILL)")),
        (EndCause.OUT_OF_MEMORY, "used too much", (1011, "browser out of memory: used too much")),
        (EndCause.HUNG, "", (1011, "browser hung")),
        (EndCause.EXITED, "exited by itself", (1000, "browser exited: exited by itself")),
        (EndCause.STOPPED, "", (1001, "browser stopped")),
        (EndCause.SESSION_LIMIT, "3600 s", (1008, "browser session limit: 3600 s")),
        (EndCause.KILL_REQUESTED, "by hand", (1008, "browser kill requested: by hand")),
    ],
)
def test_every_cause_has_a_code_and_a_reason(cause: EndCause, detail: str, ending: tuple[int, str]) -> None:
    assert ending_of(Ended("i", cause, detail)) == Ending(*ending)


def test_ids_are_long_and_never_the_same() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(one) for one in ids} == {24}
