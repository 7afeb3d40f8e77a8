"""How loaded the host is, and when that is worth telling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from waypoint_agent import pressure
from waypoint_agent.slots import Slot
from waypoint_core.model import HostSummary, InstanceState

_PROC = Path("/proc")
_KIB = 1024


def read(slots: Iterable[Slot], claims: Mapping[str, float], proc: Path = _PROC) -> HostSummary:
    """The host as it is now; a kernel without PSI shows no pressure."""
    memory = dict(_memory(proc))
    return HostSummary(
        load1=float((proc / "loadavg").read_text().split()[0]),
        memory_total=memory.get("MemTotal", 0),
        memory_available=memory.get("MemAvailable", 0),
        pressure={found.resource: found.avg10 for found in pressure.read(proc) if found.kind == "some"},
        instances=Counter(state(slot, claims) for slot in slots),
    )


def differs(old: HostSummary | None, new: HostSummary) -> bool:
    """Whether a reader would decide differently: another count, or load, memory or pressure moved noticeably."""
    if old is None or old.instances != new.instances:
        return True
    return (
        abs(new.load1 - old.load1) > max(0.5, old.load1 / 4)
        or abs(new.memory_available - old.memory_available) > new.memory_total / 20
        or any(abs(value - old.pressure.get(name, 0.0)) > 10 for name, value in new.pressure.items())
    )


def state(slot: Slot, claims: Mapping[str, float]) -> InstanceState:
    """Where the slot's browser stands; gone when there is none."""
    life = slot.life
    if life is None:
        return InstanceState.FAILED if slot.retry_at else InstanceState.GONE
    if life.end:
        return InstanceState.RECYCLING
    if not life.ready:
        return InstanceState.STARTING
    return InstanceState.CLAIMED if life.given or life.id in claims else InstanceState.READY


def _memory(proc: Path) -> Iterable[tuple[str, int]]:
    for line in (proc / "meminfo").read_text().splitlines():
        name, _, rest = line.partition(":")
        if rest.endswith(" kB"):
            yield name, int(rest.split()[0]) * _KIB
