"""Browsers can be bounded: cgroups v2 or the hybrid layout, with memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.verb import Invocation

_UNIFIED = "boot with systemd.unified_cgroup_hierarchy=1"
_ENABLE = "boot with cgroup_enable=memory"


def check(_: Invocation) -> Iterator[Finding]:
    """Reads what is mounted, and which controllers there are."""
    controllers = Path("/sys/fs/cgroup/cgroup.controllers")
    return judge(
        Path("/proc/mounts").read_text(),
        controllers.read_text() if controllers.exists() else "",
        pressure=Path("/proc/pressure/memory").exists(),
    )


def judge(mounts: str, controllers: str, *, pressure: bool) -> Iterator[Finding]:
    """Pure. mounts: /proc/mounts; controllers: those of cgroups v2's root; pressure: whether the kernel measures it."""
    mounted = [line.split() for line in mounts.splitlines()]
    v2 = [fields[1] for fields in mounted if fields[2] == "cgroup2"]
    v1_memory = any(fields[2] == "cgroup" and "memory" in fields[3].split(",") for fields in mounted)
    if "/sys/fs/cgroup" in v2:
        memory = "memory" in controllers.split()
        layout = "cgroups v2"
    elif v2:
        memory = v1_memory
        layout = "cgroups in the hybrid layout"
    else:
        yield fail("cgroups v2 is not mounted", _UNIFIED)
        return
    if memory:
        yield ok(f"{layout}, with memory")
    else:
        yield fail(f"{layout}, without memory: MemoryMax= has no effect", _ENABLE)
    if not pressure:
        yield warn("the kernel does not measure pressure: `waypointctl top` lacks it", "boot with psi=1")
