"""Sessions: which browser a session id has, who is connected to it, and how it ended."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from waypoint_core.hold import EndCause, Ended
from waypoint_proxy.reserve import Browser

_REMEMBERED = 10_000
_REMEMBERED_FOR = 600.0
_ID_BYTES = 18
log = logging.getLogger("waypoint.proxy.sessions")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a session ended, as its client is told: a WebSocket close code and a reason."""

    code: int
    reason: str


_CODES = {
    EndCause.EXITED: 1000,
    EndCause.STOPPED: 1001,
    EndCause.SESSION_LIMIT: 1008,
    EndCause.KILL_REQUESTED: 1008,
}
_INTERNAL_ERROR = 1011


def ending_of(ended: Ended) -> Ending:
    """What the client of an instance that ended is told; a browser that its client closed is no error."""
    code = _CODES.get(ended.cause, _INTERNAL_ERROR)
    what = f"browser {ended.cause.replace('_', ' ')}"
    return Ending(code, f"{what}: {ended.detail}" if ended.detail else what)


def new_id() -> str:
    """An unguessable session id of 144 bits."""
    return secrets.token_urlsafe(_ID_BYTES)


class Holder(Protocol):
    """What sessions need of the agent's socket."""

    def use(self, instance: str, session: str) -> None:
        """This session uses the instance from now on."""

    def release(self, instance: str, reason: str) -> None:
        """The instance is to be recycled."""


class Session:
    """One client's use of one browser, over one or more connections; ended is set once, with the reason.

    It is proven once its browser has accepted a connection: until then the browser may be exchanged for another.
    """

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.browser: Browser | None = None
        self.proven = False
        self.leaving = "client left"
        self.choosing = asyncio.Lock()
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.connections = 0
        self.grace: asyncio.TimerHandle | None = None
        self.began = time.monotonic()


class Sessions:
    """All live sessions of this proxy, and what is remembered of ended ones."""

    def __init__(self, holder: Holder, grace: float) -> None:
        self._holder = holder
        self._grace = grace
        self._live: dict[str, Session] = {}
        self._by_instance: dict[str, Session] = {}
        self._past: OrderedDict[str, tuple[float, Ending]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    def get(self, session_id: str) -> Session | None:
        """The live session of that id that has a browser."""
        session = self._live.get(session_id)
        return session if session and session.browser else None

    def past(self, session_id: str) -> Ending | None:
        """How a session ended that did so not long ago."""
        at, ending = self._past.get(session_id, (0.0, None))
        return ending if ending and time.monotonic() - at < _REMEMBERED_FOR else None

    @contextmanager
    def connection(self, session_id: str) -> Iterator[Session]:
        """Be one of a session's connections; the session begins with the first and ends with the last of them."""
        session = self._live.setdefault(session_id, Session(session_id))
        session.connections += 1
        if session.grace:
            session.grace.cancel()
            session.grace = None
        try:
            yield session
        finally:
            session.connections -= 1
            if not session.connections:
                self._abandoned(session)

    def give(self, session: Session, browser: Browser) -> None:
        """The session is to have this browser, if it accepts."""
        session.browser = browser
        self._by_instance[browser.instance] = session

    def prove(self, session: Session) -> None:
        """The session's browser has accepted: it is the session's own to the end."""
        assert session.browser is not None  # noqa: S101 - only who was given one comes here
        session.proven = True
        self._holder.use(session.browser.instance, session.id)
        log.debug("session %s has %s", session.id, session.browser.instance)

    def take_back(self, session: Session, reason: str) -> None:
        """The session's browser is of no use to it."""
        if session.browser:
            self._by_instance.pop(session.browser.instance, None)
            self._holder.release(session.browser.instance, reason)
            session.browser = None

    def instance_ended(self, ended: Ended) -> bool:
        """End the session that has this instance; False when none has."""
        session = self._by_instance.get(ended.instance)
        if session is None:
            return False
        if session.proven:
            self.end(session, ending_of(ended))
        else:
            self.take_back(session, ended.detail)
        return True

    def end(self, session: Session, ending: Ending) -> None:
        """End a session, once; its browser is given back unless it is gone."""
        if session.ended.done():
            return
        session.ended.set_result(ending)
        if session.grace:
            session.grace.cancel()
        self._live.pop(session.id, None)
        if browser := session.browser:
            self.take_back(session, ending.reason)
            self._remember(session, ending)
            log.info(
                "session %s on %s ended after %.1f s: %s",
                session.id,
                browser.instance,
                time.monotonic() - session.began,
                ending.reason,
            )

    def dropped(self, session: Session) -> None:
        """A client went away without a word: it may come back for as long as the grace says."""
        if self._grace and session.connections == 1 and session.browser:
            session.grace = asyncio.get_running_loop().call_later(
                self._grace, self.end, session, Ending(1001, "client did not come back")
            )

    def _abandoned(self, session: Session) -> None:
        if not session.grace:
            self.end(session, Ending(1000, session.leaving))

    def _remember(self, session: Session, ending: Ending) -> None:
        self._past[session.id] = (time.monotonic(), ending)
        while len(self._past) > _REMEMBERED:
            self._past.popitem(last=False)
