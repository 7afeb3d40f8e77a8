"""The I/O shell of the CDP edge: one task a client connection, from its first byte to its last."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus

from waypoint_core.errors import SessionError
from waypoint_core.settings import ProxySettings
from waypoint_proxy import browser as browsers
from waypoint_proxy import frames, handshake, rewrite
from waypoint_proxy.describe import Descriptions
from waypoint_proxy.handshake import Handshake, Refusal, Request, response
from waypoint_proxy.liveness import arm
from waypoint_proxy.presence import ClientLeft, Presence
from waypoint_proxy.relay import Outcome, Relay, Side, close
from waypoint_proxy.reserve import Reserve
from waypoint_proxy.sessions import Ending, Session, Sessions, new_id

_CHUNK = 65536
_RETRY_AFTER = 5
_DRAIN = 0.25
_CAUSE_TIMEOUT = 1.0
_GOODBYE_TIMEOUT = 2.0
_JSON = "application/json; charset=UTF-8"
log = logging.getLogger("waypoint.proxy.edge")


class Edge:
    """Serves clients on listening sockets; explain says why there is no browser."""

    def __init__(
        self,
        settings: ProxySettings,
        reserve: Reserve,
        sessions: Sessions,
        explain: Callable[[], str],
    ) -> None:
        self._settings = settings
        self._reserve = reserve
        self._sessions = sessions
        self._explain = explain
        self._descriptions = Descriptions(settings.browser_timeout)
        self._connections = 0

    @property
    def connections(self) -> int:
        """Client connections at this moment."""
        return self._connections

    async def serve(self, listener: socket.socket) -> None:
        """Accept clients until cancelled; every one has its own task."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as clients:
            while True:
                try:
                    client, _ = await loop.sock_accept(listener)
                except OSError as error:
                    log.warning("cannot accept a client: %s", error)
                    await asyncio.sleep(0.1)
                    continue
                self._connections += 1
                clients.create_task(self._attend(client), name="client")

    async def _attend(self, client: socket.socket) -> None:
        """Serve one client; whatever goes wrong is its own affair."""
        peer = _peer(client)
        try:
            client.setblocking(False)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arm(client, self._settings.client_timeout)
            await self._answer(client)
        except Refusal as refusal:
            log.info("refused %s: %d %s", peer, refusal.status, refusal.reason)
            await close(client, refusal.encode(), _GOODBYE_TIMEOUT)
        except ClientLeft:
            log.debug("%s left unanswered", peer)
        except OSError as error:
            log.info("lost %s: %s", peer, error)
        except Exception:
            log.exception("cannot serve %s", peer)
        finally:
            self._connections -= 1
            client.close()

    async def _answer(self, client: socket.socket) -> None:
        if self._connections > self._settings.max_connections:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"cannot serve more than {self._settings.max_connections} connections",
                retry_after=_RETRY_AFTER,
            )
        request = await self._read(client)
        match request.intent:
            case handshake.Upgrade(session):
                await self._browser(client, request, session or new_id())
            case handshake.PageUpgrade(session, target):
                await self._page(client, request, session, target)
            case plain:
                body, kind = await self._document(client, request, plain)
                await close(client, response(body, kind, head_only=request.head_only), _GOODBYE_TIMEOUT)

    async def _read(self, client: socket.socket) -> Request:
        parser = Handshake(self._settings.max_header)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._settings.handshake_timeout):
                while data := await loop.sock_recv(client, _CHUNK):
                    if request := parser.feed(data):
                        return request
        except TimeoutError:
            if parser.begun:
                raise Refusal(
                    HTTPStatus.REQUEST_TIMEOUT,
                    f"cannot wait longer than {self._settings.handshake_timeout:g} s for a request head",
                ) from None
        if parser.begun:
            raise ConnectionResetError("it left in the middle of its request head")
        raise ClientLeft

    # /json

    async def _document(self, client: socket.socket, request: Request, intent: handshake.Intent) -> tuple[bytes, str]:
        base = rewrite.Base.of(request.headers, _local(client))
        try:
            match intent:
                case handshake.Version():
                    body = await self._described(client, request, "/json/version")
                    return rewrite.version(body, base.browser(new_id(), request.query)), _JSON
                case handshake.Schema():
                    return await self._described(client, request, "/json/protocol"), _JSON
                case handshake.Targets(str(session)):
                    return await self._targets(session, base), _JSON
                case handshake.Targets():
                    return b"[]\n", _JSON
        except SessionError as error:
            raise Refusal(HTTPStatus.BAD_GATEWAY, str(error), retry_after=_RETRY_AFTER) from error
        return b"WayPoint serves browsers here: see /json/version\n", "text/plain"

    async def _described(self, client: socket.socket, request: Request, path: str) -> bytes:
        with Presence(client, request.early):
            async with self._deadline(self._settings.version_timeout):
                return await self._descriptions.get(path, await self._reserve.look())

    async def _targets(self, session_id: str, base: rewrite.Base) -> bytes:
        found = self._live(session_id).browser
        assert found is not None  # noqa: S101 - a live session has a browser
        body = await browsers.fetch(found.endpoint, "/json/list", self._settings.browser_timeout)
        return rewrite.targets(body, base, session_id)

    # WebSockets

    async def _browser(self, client: socket.socket, request: Request, session_id: str) -> None:
        self._check_past(session_id)
        with self._sessions.connection(session_id) as session:
            with Presence(client, request.early) as presence:
                async with self._deadline(self._settings.upgrade_timeout):
                    link = await self._open(session, request.headers)
            last = await self._relay(client, session, link, presence.early)
        await close(client, last, _GOODBYE_TIMEOUT)

    async def _page(self, client: socket.socket, request: Request, session_id: str, target: str) -> None:
        self._live(session_id)
        with self._sessions.connection(session_id) as session:
            assert session.browser is not None  # noqa: S101 - checked just above
            path = f"/devtools/page/{target}"
            with Presence(client, request.early) as presence:
                link = await self._join(session, path, request.headers)
            last = await self._relay(client, session, link, presence.early)
        await close(client, last, _GOODBYE_TIMEOUT)

    async def _open(self, session: Session, headers: Mapping[str, str]) -> browsers.Link:
        """A WebSocket to the session's browser; a session without one gets the first that accepts."""
        async with session.choosing:
            while session.browser is None:
                found = await self._reserve.take()
                self._sessions.give(session, found)
                try:
                    link = await browsers.upgrade(
                        found.endpoint,
                        browsers.path_of(found.endpoint),
                        headers,
                        self._settings.browser_timeout,
                        found.spare,
                    )
                except SessionError as error:
                    log.warning("%s is of no use: %s", found.instance, error)
                    self._sessions.take_back(session, str(error))
                    continue
                if session.browser:
                    self._sessions.prove(session)
                    return link
                link.socket.close()
        return await self._join(session, browsers.path_of(session.browser.endpoint), headers)

    async def _join(self, session: Session, path: str, headers: Mapping[str, str]) -> browsers.Link:
        assert session.browser is not None  # noqa: S101 - the callers have seen to it
        try:
            return await browsers.upgrade(session.browser.endpoint, path, headers, self._settings.browser_timeout)
        except browsers.UpgradeRefused as error:
            raise Refusal(HTTPStatus.NOT_FOUND, str(error)) from error
        except SessionError as error:
            raise Refusal(HTTPStatus.BAD_GATEWAY, str(error)) from error

    async def _relay(self, client: socket.socket, session: Session, link: browsers.Link, early: bytes) -> bytes:
        """Relay until the end; returns the last bytes for the client."""
        relay = Relay(client, link.socket, self._settings.client_timeout)
        loop = asyncio.get_running_loop()

        def ended(_: asyncio.Future[Ending]) -> None:
            # What the browser sent before its end is still on its way.
            loop.call_later(_DRAIN, relay.end, "session ended", Side.BROWSER)

        session.ended.add_done_callback(ended)
        try:
            outcome = await relay.run(link.head, link.early, early)
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                client.send(relay.farewell(frames.close(1001, "proxy is stopping")))
            raise
        finally:
            session.ended.remove_done_callback(ended)
            link.socket.close()
        return await self._last_words(client, session, relay, outcome)

    async def _last_words(self, client: socket.socket, session: Session, relay: Relay, outcome: Outcome) -> bytes:
        if outcome.side is Side.CLIENT:
            session.leaving = outcome.reason
            if not outcome.clean:
                self._sessions.dropped(session)
                _cut(client)
            return b""
        ending = Ending(1000 if outcome.clean else 1011, outcome.reason)
        if not outcome.clean:
            with contextlib.suppress(TimeoutError):
                ending = await asyncio.wait_for(asyncio.shield(session.ended), _CAUSE_TIMEOUT)
        session.leaving = ending.reason
        return relay.farewell(frames.close(ending.code, ending.reason))

    # Both

    @contextlib.asynccontextmanager
    async def _deadline(self, timeout: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(timeout):
                yield
        except TimeoutError:
            raise Refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"cannot give a browser within {timeout:g} s: {self._explain()}",
                retry_after=_RETRY_AFTER,
            ) from None

    def _live(self, session_id: str) -> Session:
        if session := self._sessions.get(session_id):
            return session
        self._check_past(session_id)
        raise Refusal(HTTPStatus.NOT_FOUND, "cannot find that session here")

    def _check_past(self, session_id: str) -> None:
        if past := self._sessions.past(session_id):
            raise Refusal(HTTPStatus.GONE, f"cannot join the session, it has ended: {past.reason}")


def _cut(client: socket.socket) -> None:
    """Have close() drop what a lost client has not taken."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _peer(client: socket.socket) -> str:
    try:
        host, port, *_ = client.getpeername()
    except (OSError, ValueError):
        return "a client"
    return f"{host}:{port}"


def _local(client: socket.socket) -> str:
    host, port, *_ = client.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
