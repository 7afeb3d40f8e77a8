"""Sessions: beginning, joining, ending, once each."""

import pytest

from waypoint_core.errors import SessionError
from waypoint_core.hold import EndCause, Ended
from waypoint_core.model import ClaimKind
from waypoint_proxy.endings import LEFT, NOT_BACK, End, Ending, ending_of
from waypoint_proxy.reserve import Browser
from waypoint_proxy.sessions import Session, Sessions, new_id

BROWSER = Browser("i1", "ws://b", 0.0)
FROZEN = Ending(1000, "client is frozen", End.CLIENT_SILENT)


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
        session.leaving = FROZEN
    assert agent.told == [("use", "i1", "s"), ("release", "i1", "client is frozen")]
    assert sessions.get("s") is None
    assert sessions.past("s") == FROZEN
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
        with sessions.connection("dropped later") as other:
            sessions.give(other, Browser("i2", "ws://c", 0.0))
            sessions.dropped(other)
        assert await other.ended == NOT_BACK
        assert not session.ended.done()
        sessions.dropped(session)
    assert await session.ended == NOT_BACK
    assert sessions.get("s") is None


async def test_who_fails_to_join_does_not_end_a_session_that_waits_for_its_client() -> None:
    sessions = Sessions(Agent(), grace=60)
    with sessions.connection("s") as session:
        begin(sessions, session)
        sessions.dropped(session)
    for _ in range(2):
        assert session.grace
        due = session.grace.when()
        with sessions.connection("s"), sessions.connection("s"):
            assert session.grace is None
        assert sessions.get("s") is session
        assert session.grace
        assert due <= session.grace.when() < due + 30
    with sessions.connection("s"):
        sessions.prove(session)
        session.leaving = LEFT
    assert session.ended.result() == LEFT


async def test_session_whose_client_does_not_come_back_ends_though_others_fail_to_join() -> None:
    sessions = Sessions(Agent(), grace=0.02)
    with sessions.connection("s") as session:
        begin(sessions, session)
        sessions.dropped(session)
    with sessions.connection("s"):
        pass
    assert await session.ended == NOT_BACK


async def test_session_that_ends_while_somebody_fails_to_join_waits_for_nobody() -> None:
    sessions = Sessions(Agent(), grace=60)
    with sessions.connection("s") as session:
        begin(sessions, session)
        sessions.dropped(session)
    with sessions.connection("s"):
        sessions.instance_ended(Ended("i1", EndCause.CRASHED))
    assert session.grace is None
    assert session.ended.result().end is End.CRASHED


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
    assert ending_of(Ended("i", cause, detail)) == Ending(*ending, End(cause.value))


def test_ids_are_long_and_never_the_same() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(one) for one in ids} == {24}


async def test_prepared_session_waits_for_its_client_through_failed_attempts() -> None:
    agent = Agent()
    sessions = Sessions(agent, grace=0)
    session = sessions.prepare("s", ClaimKind.SESSION, BROWSER, None)
    with sessions.connection("s") as attempt:
        assert attempt is session
    assert not session.ended.done()
    assert agent.told == []
    with sessions.connection("s"):
        sessions.prove(session)
    assert session.ended.result() == LEFT
    assert agent.told == [("use", "i1", "s"), ("release", "i1", "client left")]


async def test_prepared_session_ends_when_nobody_comes() -> None:
    agent = Agent()
    sessions = Sessions(agent, grace=0)
    session = sessions.prepare("s", ClaimKind.SESSION, BROWSER, 0.01)
    assert (await session.ended).end is End.CLIENT_NEVER_CAME
    assert agent.told == [("release", "i1", "no client came in time")]


async def test_prepared_session_ends_with_its_browser() -> None:
    sessions = Sessions(Agent(), grace=0)
    session = sessions.prepare("s", ClaimKind.DIRECT, BROWSER, None)
    assert sessions.instance_ended(Ended("i1", EndCause.CRASHED))
    assert session.ended.result().end is End.CRASHED


async def test_an_id_that_is_taken_is_not_prepared() -> None:
    sessions = Sessions(Agent(), grace=0)
    with sessions.connection("live") as session:
        begin(sessions, session)
        with pytest.raises(SessionError, match="taken"):
            sessions.prepare("live", ClaimKind.SESSION, BROWSER, None)
    with pytest.raises(SessionError, match="taken"):
        sessions.prepare("live", ClaimKind.SESSION, BROWSER, None)


async def test_reports_never_show_an_id() -> None:
    told: list[End] = []
    sessions = Sessions(Agent(), 0, lambda session, ending: told.append(ending.end))
    with sessions.connection("secret", peer="10.0.0.1:5") as session:
        begin(sessions, session)
        (live,) = sessions.reports()
        assert (live.instance, live.client, live.ended, live.connections) == ("i1", "10.0.0.1:5", 0.0, 1)
    (past,) = sessions.reports()
    assert (past.instance, past.end_reason) == ("i1", "client left")
    assert past.ended > 0
    assert "secret" not in repr([live, past])
    assert told == [End.CLIENT_LEFT]
