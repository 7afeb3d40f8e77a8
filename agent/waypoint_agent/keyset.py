"""Which keys this host should have in the registry, from what is there."""

from __future__ import annotations

import asyncio
import importlib.metadata
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from waypoint_agent import summary
from waypoint_agent.desired import Desired
from waypoint_agent.pool import Pool
from waypoint_agent.slots import Life, Slot
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
        self._summary: HostSummary | None = None

    def wanted(self) -> dict[str, bytes | None]:
        """Every key that should be there; None for one that is to be left as it is."""
        found: dict[str, bytes | None] = {self._keys.host_alive(self._host): encode(self._alive())}
        if self._summary:
            found[self._keys.host_summary(self._host)] = encode(self._summary)
        for slot in self._pool.slots():
            for instance_id, instance in self._instances(slot):
                found[self._keys.instance(self._host, instance_id)] = encode(instance) if instance else None
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
        versions = {"agent": _version(), "browser": self._pool.browser, "systemd": self._pool.systemd}
        return HostAlive(
            epoch=self._epoch,
            boot_id=_boot_id(),
            slots=self._slots(),
            versions={name: version for name, version in versions.items() if version},
            labels={**self._settings.host.labels, **host.labels},
        )

    def _slots(self) -> int:
        return self._desired.slots(self._settings.agent.slots)

    def _instances(self, slot: Slot) -> Iterator[tuple[str, Instance | None]]:
        life = slot.life
        if life and not life.end:
            yield life.id, _ready(slot, life) if life.ready and life.offered else None
        elif not life and slot.retry_at and slot.number < self._slots():
            failed_id = slot.last_id or core_keys.browser_id(self._host, slot.number, _NO_INVOCATION)
            yield (
                failed_id,
                Instance(InstanceType.CHROME_BROWSER, InstanceState.FAILED, slot=slot.number, reason=slot.failure),
            )


def _ready(slot: Slot, life: Life) -> Instance:
    return Instance(
        InstanceType.CHROME_BROWSER,
        InstanceState.READY,
        slot=slot.number,
        generation=life.generation,
        invocation=life.invocation,
        endpoints={"cdp": life.endpoint},
    )


def _boot_id() -> str:
    return _BOOT_ID.read_text().strip()


def _version() -> str:
    try:
        return importlib.metadata.version("waypoint")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
