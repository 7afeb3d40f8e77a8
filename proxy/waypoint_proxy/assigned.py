"""Browsers that the control plane claimed for this proxy: held, served, and said so in the claim.

It may take one out of this proxy's reserve by writing over its claim; whether the browser is still in reserve is for
this proxy alone to say. One that is in use by then keeps its session, and the claim is written as it was.

Of kind `session`: a session with that id waits at the edge for its client. Of kind `direct`: the browser has an address
of its own for each protocol, where every connection belongs to its one session. What cannot be served is given up by
deleting its claim.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

from waypoint_core.address import split
from waypoint_core.codec import encode
from waypoint_core.errors import RegistryError, SessionError
from waypoint_core.keys import Keys
from waypoint_core.model import Claim, ClaimKind, Instance, ProxyAlive, direct_addresses
from waypoint_core.registry import Delete, Operation, Put, Registry, Unchanged
from waypoint_proxy.claim import Agent
from waypoint_proxy.endings import WITHDRAWN
from waypoint_proxy.reserve import Browser, Reserve
from waypoint_proxy.route import Assignment, Table
from waypoint_proxy.sessions import Session, Sessions, new_id

_BACKLOG = 64
log = logging.getLogger("waypoint.proxy.assigned")


class InUse(Exception):
    """The browser is a client's already, or may be in a moment."""


Serve = Callable[[socket.socket, Session], Coroutine[object, object, None]]
"""Serves one session on a listening socket, in some protocol, until it has ended."""


class Assigned:
    """Serves what the table shows as assigned; poke() it after each change of the table."""

    def __init__(
        self,
        registry: Registry,
        keys: Keys,
        table: Table,
        agent: Agent,
        *,
        proxy: str,
        reserve: Reserve,
        sessions: Sessions,
        serve: Mapping[str, Serve],
        open_timeout: float,
    ) -> None:
        self._name = proxy
        self._reserve = reserve
        self._registry = registry
        self._keys = keys
        self._table = table
        self._agent = agent
        self._sessions = sessions
        self._protocols = serve
        self._open_timeout = open_timeout
        self._changed = asyncio.Event()
        self._serving: dict[str, Session | None] = {}
        self._presence = ProxyAlive("unknown")
        self._bind = ""

    def poke(self) -> None:
        """The table may have changed."""
        self._changed.set()

    async def run(self, presence: ProxyAlive, bind: str) -> None:
        """Until cancelled; presence tells where others reach this proxy, bind is the host to listen on."""
        self._presence, self._bind = presence, bind
        async with asyncio.TaskGroup() as group:
            while True:
                await self._changed.wait()
                self._changed.clear()
                self._end_withdrawn()
                if self._table.outage:
                    continue  # claims may be listed before the browsers that they claim
                for assignment in list(self._table.assigned.values()):
                    # One with an address was served by an earlier life of this proxy: its browser goes with that.
                    if assignment.instance not in self._serving and not assignment.claim.address:
                        self._serving[assignment.instance] = None
                        group.create_task(self._serve(assignment), name=f"assigned {assignment.instance}")

    def _end_withdrawn(self) -> None:
        while self._table.withdrawn:
            if session := self._serving.get(self._table.withdrawn.pop()):
                self._sessions.end(session, WITHDRAWN)

    async def _serve(self, assignment: Assignment) -> None:
        try:
            session, record = await self._begin(assignment)
        except InUse:
            log.info("%s was to be served for another, but has a client already", assignment.instance)
            await self._refuse(assignment)
            del self._serving[assignment.instance]
            return
        except SessionError as error:
            log.warning("cannot serve what was assigned: %s", error)
            await self._give_up(assignment)
            del self._serving[assignment.instance]
            return
        try:
            async with self._listening(assignment, record, session) as address:
                if await self._announce(assignment, address):
                    log.info("%s is served at %s", assignment.instance, address)
                    await session.ended
                else:
                    self._sessions.end(session, WITHDRAWN)
        except (OSError, SessionError) as error:
            log.warning("cannot serve %s: %s", assignment.instance, error)
            self._sessions.end(session, WITHDRAWN)
            await self._give_up(assignment)
        finally:
            del self._serving[assignment.instance]

    async def _begin(self, assignment: Assignment) -> tuple[Session, Instance]:
        """A session with the browser that was assigned. SessionError when it is not to be had."""
        instance, claim = assignment.instance, assignment.claim
        found = self._table.living(instance)
        if found is None:
            raise SessionError(f"cannot hold {instance}: it is not ready")
        if self._sessions.uses(instance):
            raise InUse
        candidate, record = found
        if reserved := self._reserve.pull(instance):
            reserved.close()
        elif self._agent.holds(instance):
            raise InUse  # on its way into the reserve, perhaps to a client that waits
        else:
            await self._agent.hold(instance)
        waits = self._open_timeout if claim.kind is ClaimKind.SESSION else None
        browser = Browser(instance, candidate.endpoint, time.monotonic(), desktop=candidate.desktop)
        try:
            session = self._sessions.prepare(claim.session or new_id(), claim.kind, browser, waits)
        except SessionError as error:
            self._agent.release(instance, str(error))
            raise
        self._serving[instance] = session
        return session, record

    @asynccontextmanager
    async def _listening(self, assignment: Assignment, record: Instance, session: Session) -> AsyncIterator[str]:
        """Where the session is served, for as long as the block runs. OSError, or SessionError, when nowhere."""
        if assignment.claim.kind is ClaimKind.SESSION:
            yield self._presence.address
            return
        addresses = direct_addresses(self._presence, record)
        if not addresses:
            raise SessionError("it is to be served directly, and proxy.direct_port is 0")
        with ExitStack() as stack:
            listeners = {protocol: stack.enter_context(self._listen(at)) for protocol, at in addresses.items()}
            async with asyncio.TaskGroup() as group:
                for protocol, listener in listeners.items():
                    # It ends with the session, once its clients have been told.
                    serving = self._protocols[protocol](listener, session)
                    group.create_task(serving, name=f"direct {addresses[protocol]}")
                yield addresses["cdp"]

    def _listen(self, address: str) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._bind else socket.AF_INET
        listener = socket.create_server((self._bind, split(address)[1]), family=family, backlog=_BACKLOG)
        listener.setblocking(False)
        return listener

    async def _announce(self, assignment: Assignment, address: str) -> bool:
        """Whether the claim says now where its browser is served."""
        claim = replace(assignment.claim, address=address)
        try:
            return await self._write(assignment, Put(self._keys.claim(assignment.instance), encode(claim)))
        except SessionError as error:
            # Not let out: the group that serves the session would wrap it.
            log.warning("cannot serve %s: %s", assignment.instance, error)
            return False

    async def _refuse(self, assignment: Assignment) -> None:
        """Write the claim as this proxy would have, for the session that has the browser."""
        ours = Claim(self._name, secrets.token_hex(16), at=round(time.time(), 3))
        with contextlib.suppress(SessionError):
            await self._write(assignment, Put(self._keys.claim(assignment.instance), encode(ours)))

    async def _give_up(self, assignment: Assignment) -> None:
        with contextlib.suppress(SessionError):
            await self._write(assignment, Delete(self._keys.claim(assignment.instance)))

    async def _write(self, assignment: Assignment, operation: Operation) -> bool:
        """Whether the claim was still as it was assigned, and is now as the operation says."""
        unchanged = Unchanged(self._keys.claim(assignment.instance), assignment.mod_revision)
        try:
            return (await self._registry.transact([unchanged], [operation])).succeeded
        except RegistryError as error:
            raise SessionError(f"its claim cannot be written: {error}") from error
