"""Which keys this host should have in the registry, from what is there."""

from __future__ import annotations

import asyncio
import functools
import importlib.metadata
import uuid
from collections.abc import Callable
from pathlib import Path

from waypoint_agent import summary
from waypoint_agent.desired import Desired
from waypoint_agent.launch import endpoints
from waypoint_agent.pool import Pool
from waypoint_agent.slots import Doing, Life, Slot
from waypoint_core import keys as core_keys
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import HostAlive, HostSummary, Instance, InstanceState, InstanceType
from waypoint_core.settings import Settings

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NO_INVOCATION = "0" * 32


class Keyset:
    """The keys of one host and their values."""

    def __init__(
        self, settings: Settings, keys: Keys, pool: Pool, desired: Desired, changed: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._host = settings.host.name
        self._keys = keys
        self._pool = pool
        self._desired = desired
        self._changed = changed
        self._epoch = uuid.uuid4().hex
        self._boot_id = _BOOT_ID.read_text().strip()
        self._version = _version()
        self._summary: HostSummary | None = None
        self._status = ""

    def advertise(self, status: str) -> None:
        """Where the status endpoint answers, as host:port; "" while it does not."""
        self._status = status
        self._changed()

    def wanted(self) -> dict[str, bytes | None]:
        """Every key that should be there; None for one that is to be left as it is."""
        found: dict[str, bytes | None] = {self._keys.host_alive(self._host): encode(self._alive())}
        if self._summary:
            found[self._keys.host_summary(self._host)] = encode(self._summary)
        for slot in self._pool.slots():
            if instance := self._instance(slot):
                found[self._keys.instance(self._host, instance[0])] = instance[1]
        return found

    async def keep_summary(self) -> None:
        """Read the host's load, for ever; a new summary only when it differs noticeably."""
        while True:
            now = summary.read(self._pool.slots(), self._desired.claims)
            if summary.differs(self._summary, now):
                self._summary = now
                self._changed()
            await asyncio.sleep(self._settings.agent.summary_interval)

    def _alive(self) -> HostAlive:
        host = self._desired.host
        versions = {"agent": self._version, "browser": self._pool.browser, "systemd": self._pool.systemd}
        return HostAlive(
            epoch=self._epoch,
            boot_id=self._boot_id,
            slots=self._slots(),
            status=self._status,
            versions={name: version for name, version in versions.items() if version},
            labels={**self._settings.host.labels, **host.labels},
        )

    def _slots(self) -> int:
        return self._desired.slots(self._settings.agent.slots)

    def _instance(self, slot: Slot) -> tuple[str, bytes | None] | None:
        life = slot.life
        if life and not life.end:
            return life.id, self._living(slot, life)
        if not life and slot.retry_at and slot.number < self._slots():
            failed_id = slot.last_id or core_keys.browser_id(self._host, slot.number, _NO_INVOCATION)
            return failed_id, _failed(slot)
        return None

    def _living(self, slot: Slot, life: Life) -> bytes | None:
        # Before it is known whether the host is cordoned, it might be offered in vain; during a withdrawal, again. One
        # that was given out is somebody's, or nobody's any more.
        if not life.ready or not self._desired.host_known or slot.doing is Doing.WITHDRAWING or life.orphaned:
            return None
        return _ready(
            slot.number,
            life.generation,
            life.invocation,
            life.endpoint,
            life.launched,
            since=life.started,
            is_open=not self._desired.host.cordon and slot.number < self._slots(),
        )


@functools.lru_cache(maxsize=2048)
def _ready(
    slot: int, generation: int, invocation: str, endpoint: str, launched: str, *, since: float, is_open: bool
) -> bytes:
    return encode(
        Instance(
            InstanceType.CHROME_BROWSER,
            InstanceState.READY,
            slot=slot,
            generation=generation,
            invocation=invocation,
            endpoints=endpoints(endpoint, launched),
            open=is_open,
            since=since,
        )
    )


def _failed(slot: Slot) -> bytes:
    failed = Instance(InstanceType.CHROME_BROWSER, InstanceState.FAILED, slot=slot.number, reason=slot.failure)
    return encode(failed)


def _version() -> str:
    try:
        return importlib.metadata.version("waypoint")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
