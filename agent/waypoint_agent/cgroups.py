"""What a slot's browser uses, as its cgroup tells: with version 2 of cgroups, version 1, or both at one time."""

from __future__ import annotations

from pathlib import Path

from waypoint_agent.units import unit_name

_ROOT = Path("/sys/fs/cgroup")
_SLICE = "waypoint.slice/waypoint-browsers.slice"
_MICROSECONDS = 1e6
_NANOSECONDS = 1e9


class Cgroups:
    """The cgroups of the browsers' units, in the slice that the units ship with. Everything is None when not there."""

    def __init__(self, root: Path = _ROOT) -> None:
        only_version_2 = (root / "cgroup.controllers").exists()
        self._version_2 = root if only_version_2 else root / "unified"
        self._version_1 = root

    def memory(self, slot: int) -> float | None:
        """Bytes, as MemoryMax= counts them."""
        used = _number(_folder(self._version_2, slot) / "memory.current")
        return _number(_folder(self._version_1 / "memory", slot) / "memory.usage_in_bytes") if used is None else used

    def cpu(self, slot: int) -> float | None:
        """Seconds of processor time since the browser was started."""
        words = _text(_folder(self._version_2, slot) / "cpu.stat").split()
        microseconds = dict(zip(words[::2], words[1::2], strict=False)).get("usage_usec")
        if microseconds is not None:
            return float(microseconds) / _MICROSECONDS
        nanoseconds = _number(_folder(self._version_1 / "cpuacct", slot) / "cpuacct.usage")
        return None if nanoseconds is None else nanoseconds / _NANOSECONDS


def _folder(hierarchy: Path, slot: int) -> Path:
    return hierarchy / _SLICE / unit_name(slot)


def _number(file: Path) -> float | None:
    text = _text(file).strip()
    return float(text) if text.isdecimal() else None


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
