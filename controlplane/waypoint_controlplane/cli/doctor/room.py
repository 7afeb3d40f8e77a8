"""Memory for the browsers that are configured, and room on the disks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from waypoint_controlplane.cli.ages import size
from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.verb import Invocation

_BROWSER = 100 << 20
_BESIDE = 512 << 20
_FOLDERS = ("/", "/var", "/var/lib", "/var/log")
_FULL, _LITTLE = 200 << 20, 2 << 30


def check(invocation: Invocation) -> Iterator[Finding]:
    """Reads /proc/meminfo, and asks the file systems that grow."""
    lines = (line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    memory = {name: int(value.split()[0]) << 10 for name, value in lines}
    devices = {Path(folder).stat().st_dev: folder for folder in reversed(_FOLDERS) if Path(folder).exists()}
    free = {folder: _free(folder) for folder in sorted(devices.values())}
    yield judge_memory(memory["MemTotal"], invocation.settings.agent.slots)
    yield from judge_disks(free)


def judge_memory(total: int, slots: int) -> Finding:
    """Pure. Idle browsers alone: pages take more, up to MemoryMax= each."""
    wanted = slots * _BROWSER + _BESIDE
    if total < wanted:
        return warn(f"{size(total)} of memory; {slots} idle browsers take about {size(wanted)}", "lower agent.slots")
    return ok(f"{size(total)} of memory for {slots} browsers")


def judge_disks(free: Mapping[str, int]) -> Iterator[Finding]:
    """Pure. free: bytes by folder."""
    mend = "journalctl --vacuum-size=500M and apt-get clean free some"
    for folder, left in free.items():
        if left < _FULL:
            yield fail(f"{size(left)} free below {folder}", mend)
        elif left < _LITTLE:
            yield warn(f"{size(left)} free below {folder}", mend)
        else:
            yield ok(f"{size(left)} free below {folder}")


def _free(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
