"""Figures beside their references, taken in turns on one booted host, next to a browser that is none of its fleet."""

from __future__ import annotations

import ctypes
import os
import statistics
import time
from collections.abc import Awaitable, Callable

from waypoint_lab import Host

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


async def timed(act: Callable[[], Awaitable[object]]) -> float:
    """Milliseconds that it took."""
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1000


def percentile(values: list[float], percent: int) -> float:
    """Of at least two values."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
