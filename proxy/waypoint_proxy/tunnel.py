"""A client's WebSocket to its browser: found, upgraded, relayed, and ended with the last word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol

from waypoint_core.errors import SessionError
from waypoint_core.model import ClaimKind
from waypoint_core.settings import ProxySettings
from waypoint_proxy import frames
from waypoint_proxy.endings import STOPPING, End, Ending
from waypoint_proxy.handshake import Refusal, Request
from waypoint_proxy.link import Link, UpgradeRefused
from waypoint_proxy.manners import Manners
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.presence import Presence
from waypoint_proxy.pump import Pump
from waypoint_proxy.queue import Queue
from waypoint_proxy.relay import Outcome, Relay, Side, close
from waypoint_proxy.reserve import Browser
from waypoint_proxy.sessions import Session, Sessions, log

_DRAIN = 0.25
_CAUSE_TIMEOUT = 1.0
_GOODBYE_TIMEOUT = 2.0


class Way(Protocol):
    """How a client's WebSocket gets to its session's browser."""

    lost: Ending
    """What it means when the far side closes the connection without a word."""

    async def open(self, browser: Browser, headers: Mapping[str, str]) -> Link:
        """A WebSocket to the browser, asked for with the client's headers.

        SessionError when this browser is of no use, UpgradeRefused when it has no such target; Refusal when no browser
        would be of use.
        """


class Tunnel:
    """Serves upgrades, each until its connection ends."""

    def __init__(
        self,
        settings: ProxySettings,
        queue: Queue,
        sessions: Sessions,
        *,
        pump: Pump,
        metrics: Metrics,
        kind: ClaimKind,
        manners: Callable[[Mapping[str, str]], Manners],
    ) -> None:
        self._settings = settings
        self._pump = pump
        self._queue = queue
        self._sessions = sessions
        self._metrics = metrics
        self._kind = kind
        self._manners = manners

    async def begin(self, client: socket.socket, peer: str, request: Request, session_id: str, way: Way) -> None:
        """To the browser of this session, which gets one if it has none."""
        self._sessions.check_past(session_id)
        with self._sessions.connection(session_id, client, peer, self._kind) as session:
            with Presence(client, request.early) as presence:
                async with self._queue.deadline(self._settings.upgrade_timeout):
                    link = await self._open(session, way, request.headers)
            manners = self._manners(request.headers)
            last = await self._relay(client, session, link, way, manners=manners, early=presence.early)
        await close(client, last, _GOODBYE_TIMEOUT)

    async def join(self, client: socket.socket, peer: str, request: Request, session_id: str, way: Way) -> None:
        """To a live session's browser."""
        self._sessions.find(session_id)
        with self._sessions.connection(session_id, client, peer) as session:
            with Presence(client, request.early) as presence:
                link = await self._join(session, way, request.headers)
            manners = self._manners(request.headers)
            last = await self._relay(client, session, link, way, manners=manners, early=presence.early)
        await close(client, last, _GOODBYE_TIMEOUT)

    async def _open(self, session: Session, way: Way, headers: Mapping[str, str]) -> Link:
        """A WebSocket to the session's browser; a session without one gets the first that accepts."""
        async with session.choosing:
            while session.browser is None:
                self._sessions.check_past(session.id)
                found = await self._queue.take()
                self._sessions.give(session, replace(found, spare=None))
                try:
                    link = await self._reach(found, way, headers)
                except (SessionError, Refusal) as error:
                    log.warning("%s is of no use: %s", found.instance, error)
                    self._sessions.take_back(session, str(error))
                    if isinstance(error, Refusal):
                        raise
                    continue
                if session.browser:
                    self._sessions.prove(session)
                    return link
                link.socket.close()
        return await self._join(session, way, headers)

    async def _join(self, session: Session, way: Way, headers: Mapping[str, str]) -> Link:
        assert session.browser is not None  # noqa: S101 - the callers have seen to it
        try:
            link = await self._reach(session.browser, way, headers)
        except UpgradeRefused as error:
            raise Refusal(HTTPStatus.NOT_FOUND, str(error)) from error
        except SessionError as error:
            raise Refusal(HTTPStatus.BAD_GATEWAY, str(error)) from error
        if session.browser is None or session.ended.done():
            link.socket.close()
            self._sessions.check_past(session.id)
            raise Refusal(HTTPStatus.GONE, "cannot join the session, it has ended")
        self._sessions.prove(session)
        return link

    async def _reach(self, browser: Browser, way: Way, headers: Mapping[str, str]) -> Link:
        began = time.monotonic()
        link = await way.open(browser, headers)
        self._metrics.connected("browser", time.monotonic() - began)
        return link

    async def _relay(
        self, client: socket.socket, session: Session, link: Link, way: Way, *, manners: Manners, early: bytes
    ) -> bytes:
        """Relay until the end; returns the last bytes for the client."""
        relay = Relay(self._pump, client, link.socket, manners, self._settings.client_timeout)
        loop = asyncio.get_running_loop()

        def ended(_: asyncio.Future[Ending]) -> None:
            # What the browser sent before its end is still on its way.
            loop.call_later(_DRAIN, relay.end, "session ended", Side.BROWSER)

        session.ended.add_done_callback(ended)
        try:
            outcome = await relay.run(link.head, link.early, early)
        except asyncio.CancelledError:
            session.leaving = STOPPING
            with contextlib.suppress(OSError):
                client.send(relay.farewell(frames.close(STOPPING.code, STOPPING.reason)))
                client.shutdown(socket.SHUT_WR)
            raise
        finally:
            session.ended.remove_done_callback(ended)
            link.socket.close()
        return await self._last_words(client, session, relay, outcome, way.lost)

    async def _last_words(
        self, client: socket.socket, session: Session, relay: Relay, outcome: Outcome, lost: Ending
    ) -> bytes:
        if outcome.side is Side.CLIENT:
            end = End.CLIENT_SILENT if outcome.silent else End.CLIENT_LEFT
            session.leaving = Ending(1000, outcome.reason, end)
            if not outcome.clean:
                self._sessions.dropped(session)
                _cut(client)
            return b""
        if outcome.clean:
            # Whoever began the close, the browser answered it: the client is done.
            ending = Ending(1000, outcome.reason, End.CLIENT_LEFT)
        else:
            ending = lost
            with contextlib.suppress(TimeoutError):
                ending = await asyncio.wait_for(asyncio.shield(session.ended), _CAUSE_TIMEOUT)
        session.leaving = ending
        return relay.farewell(frames.close(ending.code, ending.reason))


def _cut(client: socket.socket) -> None:
    """Have close() drop what a lost client has not taken."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
