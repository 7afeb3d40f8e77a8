"""Sessions: which browser a session id has, who is connected to it, and how it ended."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import islice
from typing import Protocol

from waypoint_core.errors import SessionError
from waypoint_core.hold import Ended
from waypoint_core.model import ClaimKind
from waypoint_core.status.reports import SessionReport
from waypoint_proxy.endings import LEFT, NEVER_CAME, NOT_BACK, Ending, ending_of
from waypoint_proxy.handshake import Refusal
from waypoint_proxy.reserve import Browser
from waypoint_proxy.traffic import Traffic

_REMEMBERED = 10_000
_REMEMBERED_FOR = 600.0
_REPORTED = 1000
_ID_BYTES = 18
log = logging.getLogger("waypoint.proxy.sessions")


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

    It is proven once its browser has accepted a connection. Until then the browser may be exchanged for another, or, of
    a session that was prepared for its client, the client may try again.

    patience is how long it has yet to wait for a client that dropped, None when none did or it is back; grace is the
    timer of that, which runs while nobody is connected.
    """

    def __init__(self, session_id: str, kind: ClaimKind = ClaimKind.CDP) -> None:
        self.id = session_id
        self.kind = kind
        self.browser: Browser | None = None
        self.proven = False
        self.leaving = LEFT
        self.choosing = asyncio.Lock()
        self.ended: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self.connections = 0
        self.served = 0
        self.prepared = False
        self.patience: float | None = None
        self.grace: asyncio.TimerHandle | None = None
        self.opening: asyncio.TimerHandle | None = None
        self.began = time.monotonic()
        self.since = time.time()
        self.client = ""
        self.traffic = Traffic()

    @property
    def lasted(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.began

    def report(self) -> SessionReport:
        """What others may know of it. Never its id: who knows that has the browser."""
        received, sent = self.traffic.totals
        return SessionReport(
            instance=self.browser.instance if self.browser else "",
            kind=self.kind,
            client=self.client,
            since=round(self.since, 3),
            bytes_from_client=received,
            bytes_to_client=sent,
            connections=self.served,
        )


@dataclass(frozen=True, slots=True)
class _Past:
    at: float
    ending: Ending
    report: SessionReport


class Sessions:
    """All live sessions of this proxy, and what is remembered of ended ones."""

    def __init__(
        self, holder: Holder, grace: float, ended: Callable[[Session, Ending], None] = lambda session, ending: None
    ) -> None:
        self._holder = holder
        self._grace = grace
        self._ended = ended
        self._live: dict[str, Session] = {}
        self._by_instance: dict[str, Session] = {}
        self._past: OrderedDict[str, _Past] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live)

    def live(self) -> Iterator[Session]:
        """Those that have a browser."""
        return (session for session in self._live.values() if session.browser)

    def uses(self, instance: str) -> bool:
        """Whether a session has this browser, or is trying it."""
        return instance in self._by_instance

    def reports(self) -> list[SessionReport]:
        """The live ones, then the latest that ended not long ago, newest first."""
        fresh = time.monotonic() - _REMEMBERED_FOR
        ended = (past.report for past in reversed(self._past.values()) if past.at > fresh)
        return [*(session.report() for session in self.live()), *islice(ended, _REPORTED)]

    def get(self, session_id: str) -> Session | None:
        """The live session of that id that has a browser."""
        session = self._live.get(session_id)
        return session if session and session.browser else None

    def find(self, session_id: str) -> Session:
        """The live session of that id that has a browser. Refusal when there is none, or no more."""
        if session := self.get(session_id):
            return session
        self.check_past(session_id)
        raise Refusal(HTTPStatus.NOT_FOUND, "cannot find that session here")

    def check_past(self, session_id: str) -> None:
        """Refusal when the session ended not long ago."""
        if past := self.past(session_id):
            raise Refusal(HTTPStatus.GONE, f"cannot join the session, it has ended: {past.reason}")

    def past(self, session_id: str) -> Ending | None:
        """How a session ended that did so not long ago."""
        past = self._past.get(session_id)
        return past.ending if past and time.monotonic() - past.at < _REMEMBERED_FOR else None

    def prepare(self, session_id: str, kind: ClaimKind, browser: Browser, timeout: float | None) -> Session:
        """A session that has its browser before its client comes, which it does within timeout (None: at any time).

        SessionError when there is, or was, a session of that id.
        """
        if session_id in self._live or self.past(session_id):
            raise SessionError("cannot prepare a session: its id is taken")
        session = self._live[session_id] = Session(session_id, kind)
        session.prepared = True
        self.give(session, browser)
        if timeout is not None:
            session.opening = asyncio.get_running_loop().call_later(timeout, self.end, session, NEVER_CAME)
        return session

    @contextmanager
    def connection(
        self, session_id: str, client: socket.socket | None = None, peer: str = "", kind: ClaimKind = ClaimKind.CDP
    ) -> Iterator[Session]:
        """Be one of a session's connections; the session begins with the first and ends with the last of them.

        It is of the kind of the first.
        """
        session = self._live.setdefault(session_id, Session(session_id, kind))
        session.connections += 1
        session.client = session.client or peer
        if client:
            session.traffic.opened(client)
        if session.grace:
            session.patience = session.grace.when() - asyncio.get_running_loop().time()
            session.grace.cancel()
            session.grace = None
        try:
            yield session
        finally:
            if client:
                session.traffic.closing(client)
            session.connections -= 1
            if not session.connections:
                self._abandoned(session)

    def give(self, session: Session, browser: Browser) -> None:
        """The session is to have this browser, if it accepts."""
        session.browser = browser
        self._by_instance[browser.instance] = session

    def prove(self, session: Session) -> None:
        """The session's browser has accepted a connection: it is the session's own to the end."""
        assert session.browser is not None  # noqa: S101 - only who was given one comes here
        session.served += 1
        session.patience = None
        if session.proven:
            return
        session.proven = True
        if session.opening:
            session.opening.cancel()
        self._holder.use(session.browser.instance, session.id)
        log.debug("a session has %s", session.browser.instance)

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
        if session.proven or session.prepared:
            self.end(session, ending_of(ended))
        else:
            self.take_back(session, ended.detail)
        return True

    def end(self, session: Session, ending: Ending) -> None:
        """End a session, once; its browser is given back unless it is gone."""
        if session.ended.done():
            return
        session.ended.set_result(ending)
        for timer in (session.grace, session.opening):
            if timer:
                timer.cancel()
        self._live.pop(session.id, None)
        if browser := session.browser:
            self._remember(session, ending)
            self.take_back(session, ending.reason)
            self._ended(session, ending)
            log.info("session on %s ended after %.1f s: %s", browser.instance, session.lasted, ending.reason)

    def dropped(self, session: Session) -> None:
        """A client went away without a word: it may come back for as long as the grace says."""
        if self._grace and session.connections == 1 and session.browser:
            session.patience = self._grace

    def _abandoned(self, session: Session) -> None:
        if session.patience is not None and not session.ended.done():
            session.grace = asyncio.get_running_loop().call_later(session.patience, self.end, session, NOT_BACK)
        waiting = session.grace or (session.prepared and not session.proven)
        if not waiting:
            self.end(session, session.leaving)

    def _remember(self, session: Session, ending: Ending) -> None:
        report = replace(session.report(), ended=round(time.time(), 3), end_reason=ending.reason)
        self._past[session.id] = _Past(time.monotonic(), ending, report)
        while len(self._past) > _REMEMBERED:
            self._past.popitem(last=False)
