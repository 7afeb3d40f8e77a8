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
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.reserve import Browser
from waypoint_proxy.route import Candidate, Table

_MANY = 1000
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
        self._tried: dict[str, int] = {}

    async def claim(self) -> Browser | None:
        """A browser that is this proxy's and held, None when there is none to have now. Raises RegistryError."""
        candidate = self._table.choose(self._untried)
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
        """The browser with a connection to it, which proves that it is there; otherwise it is given back."""
        try:
            spare = await self._connect(candidate.endpoint)
        except BaseException as error:
            self._agent.release(candidate.instance, str(error) or "proxy is stopping")
            if not isinstance(error, SessionError):
                raise
            log.warning("claimed in vain: %s", error)
            return None
        return Browser(candidate.instance, candidate.endpoint, time.monotonic(), spare, candidate.desktop)

    def _untried(self, candidate: Candidate) -> bool:
        # What this proxy holds may have lost its claim, to a restored registry or because its host was given up: it is
        # a client's, or in reserve, all the same.
        if self._agent.holds(candidate.instance):
            return False
        # The table learns of a claim a moment after it was made, won or lost; until its key changes, a browser
        # that was tried once is not to be had.
        return self._tried.get(candidate.instance) != candidate.mod_revision

    def _remember(self, candidate: Candidate) -> None:
        if len(self._tried) > _MANY:
            offered = {found.instance for found in self._table.candidates()}
            self._tried = {name: seen for name, seen in self._tried.items() if name in offered}
        self._tried[candidate.instance] = candidate.mod_revision

    async def _transact(self, candidate: Candidate) -> bool:
        """Whether the claim is this attempt's."""
        key = self._keys.claim(candidate.instance)
        wanted = Claim(proxy=self._proxy, request=secrets.token_hex(16), at=round(time.time(), 3))
        try:
            outcome = await self._registry.transact(
                conditions=(
                    Absent(key),
                    Unchanged(self._keys.instance(candidate.host, candidate.instance), candidate.mod_revision),
                    Present(self._keys.host_alive(candidate.host)),
                ),
                then=(Put(key, encode(wanted)),),
                otherwise=(Get(key),),
            )
        except RegistryUnavailable:
            # The answer was lost, the claim perhaps not: whoever reads its request id there, has it.
            return _is_ours(await self._registry.get(key), wanted)
        return outcome.succeeded or _is_ours(outcome.reads[0], wanted)


def _is_ours(entry: Entry | None, wanted: Claim) -> bool:
    try:
        return entry is not None and decode(Claim, entry.value, entry.key).request == wanted.request
    except CodecError as error:
        log.warning("ignored: %s", error)
        return False
