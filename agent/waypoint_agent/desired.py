"""What others wrote for this host: what operators want of it, which instances to end, which are claimed.

Each follower keeps a table that outlives an outage. Nothing is concluded from what it does not know.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from waypoint_agent.units import names_browser
from waypoint_core.codec import decode
from waypoint_core.errors import CodecError, ConfigError
from waypoint_core.flags import check_flags
from waypoint_core.keys import Keys
from waypoint_core.model import DesiredHost, KillKind, KillRequest
from waypoint_core.registry import Entry, Registry, Removed, Rewound, Stale, Synced, WatchEvent, Written
from waypoint_core.settings import AgentSettings

log = logging.getLogger("waypoint.agent.desired")


MAX_SLOTS = 1000
_LAST_PORT = 65535


@dataclass
class Desired:
    """The followed keys.

    host is the default until host_known; kills maps an instance id to the request, None for a broken one; claims to
    when its claim was last found (monotonic); lost_at is since when (monotonic) claims cannot be followed, None while
    they can. most_slots is how many others may want.
    """

    lost_at: float | None
    host: DesiredHost = field(default_factory=DesiredHost)
    host_known: bool = False
    kills: dict[str, KillRequest | None] = field(default_factory=dict)
    claims: dict[str, float] = field(default_factory=dict)
    most_slots: int = MAX_SLOTS

    @property
    def claims_known(self) -> bool:
        """Whether a claim that is not in the table does not exist."""
        return self.lost_at is None

    def slots(self, configured: int) -> int:
        """How many slots the host is to have."""
        return configured if self.host.slots is None else min(self.host.slots, self.most_slots)

    def reasons(self) -> dict[str, str | None]:
        """Why each instance that somebody wants to end is to end; None for a broken request."""
        return {instance: _said(kill) if kill else None for instance, kill in self.kills.items()}


class DesiredWatch:
    """Follows the host's desired state and its claims."""

    def __init__(
        self,
        registry: Registry,
        keys: Keys,
        host: str,
        clock: Callable[[], float],
        changed: Callable[[], None],
        *,
        most_slots: int = MAX_SLOTS,
    ) -> None:
        self._registry = registry
        self._host = host
        self._host_key = keys.desired_host(host)
        self._kills = keys.desired_instances(host)
        self._claims = keys.host_claims(host)
        self._claims_root = keys.claims
        self._clock = clock
        self._changed = changed
        self._rewound = False
        self.now = Desired(lost_at=clock(), most_slots=most_slots)

    async def follow_host(self) -> None:
        """What is wanted of the host, for ever."""
        await self._follow(self._host_key, self.on_host)

    async def follow_kills(self) -> None:
        """Which instances are to end, for ever."""
        await self._follow(self._kills, self.on_kill)

    async def follow_claims(self) -> None:
        """Which instances are claimed, for ever."""
        await self._follow(self._claims, self.on_claim)

    async def _follow(self, prefix: str, take_in: Callable[[WatchEvent], None]) -> None:
        async with self._registry.watch(prefix) as events:
            async for event in events:
                take_in(event)
                self._changed()

    def on_host(self, event: WatchEvent) -> None:
        """Take in a change below the host's own key; other hosts' names may start with ours."""
        match event:
            case Written(entry) if entry.key == self._host_key:
                try:
                    host = decode(DesiredHost, entry.value, entry.key)
                    check_flags(host.browser_flags)
                except (CodecError, ConfigError) as error:
                    log.warning("%s; the host stays as it was wanted before", error)
                else:
                    self._want(host)
            case Removed(key) if key == self._host_key and not self._rewound:
                self.now.host = DesiredHost()
            case Rewound(reason):
                self._rewound = True
                log.warning("registry restored, what it no longer says stays in force: %s", reason)
            case Synced():
                self._rewound = False
                self.now.host_known = True

    def on_kill(self, event: WatchEvent) -> None:
        """Take in a kill request or its removal; a broken one is not carried out."""
        match event:
            case Written(entry) if self._names_browser(entry.key.removeprefix(self._kills)):
                self.now.kills[entry.key.removeprefix(self._kills)] = _kill_request(entry)
            case Written(entry):
                log.warning("%r is ignored: it names no browser of this host", entry.key)
            case Removed(key):
                self.now.kills.pop(key.removeprefix(self._kills), None)

    def on_claim(self, event: WatchEvent) -> None:
        """Take in a claim or its removal; whatever its value, the key counts."""
        match event:
            case Written(entry) if self._names_browser(entry.key.removeprefix(self._claims_root)):
                self.now.claims[entry.key.removeprefix(self._claims_root)] = self._clock()
            case Removed(key):
                self.now.claims.pop(key.removeprefix(self._claims_root), None)
            case Stale() | Rewound():
                if self.now.lost_at is None:
                    self.now.lost_at = self._clock()
            case Synced():
                # An outage is no fault of the claimers: their time starts now.
                self.now.claims = dict.fromkeys(self.now.claims, self._clock())
                self.now.lost_at = None

    def _want(self, host: DesiredHost) -> None:
        if (slots := host.slots) is not None and slots > (most := self.now.most_slots):
            reason = f"no host has more than {MAX_SLOTS}, each with ports of its own up to {_LAST_PORT}"
            log.warning("%s wants %d slots, and the host gets %d: %s", self._host_key, slots, most, reason)
        self.now.host = host

    def _names_browser(self, instance: str) -> bool:
        """Whether this end of a key is the id of a browser here: what is gone is deleted by its id, not by this key."""
        return names_browser(instance, self._host)


def most_slots(agent: AgentSettings) -> int:
    """How many slots others may want of a host: each has ports of its own."""
    if not agent.desktop:
        return min(MAX_SLOTS, _LAST_PORT + 1 - agent.browser_port)
    lower, upper = sorted([agent.browser_port, agent.desktop_port])
    return min(MAX_SLOTS, upper - lower, _LAST_PORT + 1 - upper)


def _kill_request(entry: Entry) -> KillRequest | None:
    try:
        return decode(KillRequest, entry.value, entry.key)
    except CodecError as error:
        log.warning("%s; nothing is ended", error)
        return None


def _said(kill: KillRequest) -> str:
    """What the client of the session reads."""
    return kill.reason if kill.kind is KillKind.KILLED else f"{kill.kind.replace('_', ' ')}: {kill.reason}"
