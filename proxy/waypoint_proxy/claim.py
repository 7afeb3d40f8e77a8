"""Taking one browser for this proxy alone: one registry transaction, then a hold at the host's agent."""

from __future__ import annotations

import logging
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from waypoint_core.codec import decode, encode
from waypoint_core.errors import CodecError, RegistryError, RegistryUnavailable, SessionError
from waypoint_core.keys import Keys
from waypoint_core.model import Claim
from waypoint_core.registry import Absent, Entry, Get, Present, Put, Registry, Unchanged
from waypoint_proxy.browser import NoSocket
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.reserve import Browser
from waypoint_proxy.route import Candidate, Table

_MANY = 1000
_SLOW = 1.0
log = logging.getLogger("waypoint.proxy.claim")


class Agent(Protocol):
    """What a claim needs of the host's agent."""

    def holds(self, instance: str) -> bool:
        """Whether the instance is ours already."""

    async def hold(self, instance: str) -> None:
        """Returns once the instance is ours. SessionError when it is refused."""

    def release(self, instance: str, reason: str) -> None:
        """The instance is to be recycled."""


Connect = Callable[[str], Awaitable[socket.socket]]


class Claimer:
    """Claims what the table offers, and connects to it."""

    def __init__(
        self,
        registry: Registry,
        keys: Keys,
        table: Table,
        agent: Agent,
        *,
        connect: Connect,
        proxy: str,
        metrics: Metrics,
    ) -> None:
        self._metrics = metrics
        self._connect = connect
        self._registry = registry
        self._keys = keys
        self._table = table
        self._agent = agent
        self._proxy = proxy
        self._tried: dict[str, tuple[int, int]] = {}
        self._unanswered: dict[str, str] = {}
        self._slow = False

    @property
    def more(self) -> bool:
        """Whether there is a browser that was not tried yet."""
        return self._next() is not None

    async def claim(self) -> Browser | None:
        """A browser that is this proxy's and held, None when that came to nothing. Raises RegistryError."""
        candidate = self._next()
        if candidate is None:
            return None
        self._remember(candidate)
        try:
            won = await self._transact(candidate)
        except RegistryError:
            # Nothing is known of it, and its key may never change again: once the registry answers it is asked anew.
            self._tried.pop(candidate.instance, None)
            raise
        if not won:
            self._metrics.claimed("lost")
            return None
        try:
            await self._agent.hold(candidate.instance)
        except SessionError as error:
            log.warning("claimed in vain: %s", error)
            self._metrics.claimed("refused")
            return None
        browser = await self._reached(candidate)
        self._metrics.claimed("won" if browser else "unreachable")
        return browser

    async def _reached(self, candidate: Candidate) -> Browser | None:
        """The browser with a connection to it, which proves that it is there; otherwise it is given back.

        Where this proxy itself is short of sockets the browser is not to blame.
        """
        try:
            spare = await self._connect(candidate.endpoint)
        except NoSocket as error:
            log.warning("%s is reserved without a connection to it: %s", candidate.instance, error)
            spare = None
        except BaseException as error:
            self._agent.release(candidate.instance, str(error) or "proxy is stopping")
            if not isinstance(error, SessionError):
                raise
            log.warning("claimed in vain: %s", error)
            return None
        if not self._agent.holds(candidate.instance):
            log.warning("claimed in vain: %s has ended meanwhile", candidate.instance)
            if spare:
                spare.close()
            return None
        return Browser(candidate.instance, candidate.endpoint, time.monotonic(), spare, candidate.desktop)

    def _next(self) -> Candidate | None:
        """One whose claim was carried out after all, otherwise one that is free and was not tried yet."""
        for instance, request in self._unanswered.items():
            if self._table.request(instance) == request and (found := self._table.living(instance)):
                return found[0]
        return self._table.choose(self._untried)

    def _untried(self, candidate: Candidate) -> bool:
        # What this proxy holds may have lost its claim, to a restored registry or because its host was given up: it is
        # a client's, or in reserve, all the same.
        if self._agent.holds(candidate.instance):
            return False
        # The table learns of a claim a moment after it was made, won or lost; until its key changes, or its host's
        # (which may have been absent for a moment), a browser that was tried once is not to be had.
        return self._tried.get(candidate.instance) != self._seen(candidate)

    def _seen(self, candidate: Candidate) -> tuple[int, int]:
        return candidate.mod_revision, self._table.host_revision

    def _remember(self, candidate: Candidate) -> None:
        if len(self._tried) > _MANY:
            offered = {found.instance for found in self._table.candidates()}
            self._tried = {name: seen for name, seen in self._tried.items() if name in offered}
        self._tried[candidate.instance] = self._seen(candidate)

    async def _transact(self, candidate: Candidate) -> bool:
        """Whether the claim is ours, by this attempt or by an earlier one that was not answered."""
        request = self._unanswered.get(candidate.instance) or secrets.token_hex(16)
        wanted = Claim(proxy=self._proxy, request=request, at=round(time.time(), 3))
        began = time.monotonic()
        try:
            won = await self._put(candidate, wanted)
        except RegistryUnavailable as error:
            # It may be carried out later than this: whoever asks again does so under the same request id.
            self._remember_request(candidate.instance, request)
            # The answer was lost, the claim perhaps not: whoever reads its request id there, has it.
            found = await self._registry.get(self._keys.claim(candidate.instance))
            if found is None:
                raise RegistryUnavailable(f"cannot say whether {candidate.instance} was claimed: {error}") from error
            won = _is_ours(found, wanted)
        self._unanswered.pop(candidate.instance, None)
        self._took(time.monotonic() - began)
        return won

    async def _put(self, candidate: Candidate, wanted: Claim) -> bool:
        key = self._keys.claim(candidate.instance)
        outcome = await self._registry.transact(
            conditions=(
                Absent(key),
                Unchanged(self._keys.instance(candidate.host, candidate.instance), candidate.mod_revision),
                Present(self._keys.host_alive(candidate.host)),
            ),
            then=(Put(key, encode(wanted)),),
            otherwise=(Get(key),),
        )
        return outcome.succeeded or _is_ours(outcome.reads[0], wanted)

    def _remember_request(self, instance: str, request: str) -> None:
        living = {name: asked for name, asked in self._unanswered.items() if self._table.living(name)}
        self._unanswered = living | {instance: request}

    def _took(self, seconds: float) -> None:
        if seconds > _SLOW and not self._slow:
            log.warning("the registry took %.1f s for a claim", seconds)
        self._slow = seconds > _SLOW


def _is_ours(entry: Entry | None, wanted: Claim) -> bool:
    try:
        return entry is not None and decode(Claim, entry.value, entry.key).request == wanted.request
    except CodecError as error:
        log.warning("ignored: %s", error)
        return False
