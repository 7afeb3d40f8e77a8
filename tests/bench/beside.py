"""Figures beside their references, taken in turns on one booted host, next to a browser that is none of its fleet."""

from __future__ import annotations

import ctypes
import os
import re
import statistics
import time
from collections.abc import Awaitable, Callable

from waypoint_lab import Host, cgroups

CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
REFERENCE_PORT = 30000
REFERENCE_UNIT = "bench-reference"
REFERENCE = f"http://127.0.0.1:{REFERENCE_PORT}"
CLONE_NEWNET = 0x40000000


def heading() -> None:
    """Above the rows."""
    print(f"{'':44}{'WayPoint':>12}{'reference':>12}{'ratio':>8}")


def row(what: str, ours: float, reference: float, unit: str) -> None:
    """One figure beside its reference."""
    print(f"{what:44}{ours:9.2f} {unit:2}{reference:9.2f} {unit:2}{ours / reference:8.2f}", flush=True)


def enter_network(host: Host) -> None:
    """From here on this thread's new sockets, and its children's, are on the host."""
    namespace = os.open(f"/proc/{host.pid1}/ns/net", os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter the host's network")
    os.close(namespace)


def warm_reference(host: Host) -> None:
    """A browser that is none of WayPoint's, but started like its own."""
    variables = {"CHROMIUM": CHROMIUM, "DEVTOOLS_PORT": REFERENCE_PORT, "BROWSER_FLAGS": ""}
    settings = [f"--setenv=WAYPOINT_{name}={value}" for name, value in variables.items()]
    own = ("--property=DynamicUser=yes", "--property=PrivateTmp=yes", "--setenv=HOME=/tmp", f"--unit={REFERENCE_UNIT}")
    host.run("systemd-run", *own, *settings, "/usr/lib/waypoint/browser")
    host.run("sh", "-c", f"until curl -sf {REFERENCE}/json/version; do sleep 0.05; done")


def host_cpu_seconds(name: str) -> float:
    """Of everything that ever ran on the host."""
    for hierarchy in cgroups.hierarchies():
        folder = hierarchy.mount / cgroups.PARENT / name
        if "cpuacct" in hierarchy.controllers:
            return int((folder / "cpuacct.usage").read_text()) / 1e9
        if hierarchy.version == 2 and (usage := re.search(r"usage_usec (\d+)", (folder / "cpu.stat").read_text())):
            return int(usage[1]) / 1e6
    raise LookupError(f"cannot tell the CPU time of {name}: no cgroup hierarchy accounts for it")


async def timed(act: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds that it took."""
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000


def percentile(values: list[float], percent: int) -> float:
    """Of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
