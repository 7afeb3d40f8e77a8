"""The ports that WayPoint serves are free, or served by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.doctor.listeners import listeners
from waypoint_controlplane.cli.verb import Invocation
from waypoint_core.settings import Settings

_DIRECT = 8000


def check(invocation: Invocation) -> Iterator[Finding]:
    """Reads from /proc who listens."""
    return judge(listeners(), wanted(invocation.settings))


def wanted(settings: Settings) -> dict[int, str]:
    """Port -> the setting that says so. Pure."""
    listening = {
        "proxy.listen": settings.proxy.listen,
        "proxy.tzafonwright_listen": settings.proxy.tzafonwright_listen,
        "proxy.status_listen": settings.proxy.status_listen,
        "agent.status_listen": settings.agent.status_listen,
        "controlplane.listen": settings.controlplane.listen,
        "controlplane.status_listen": settings.controlplane.status_listen,
    }
    ports = {int(address.rpartition(":")[2]): name for name, address in listening.items()}
    if settings.agent.desktop:
        screens = {settings.agent.desktop_port + slot: "agent.desktop_port" for slot in range(settings.agent.slots)}
    else:
        screens = {}
    first, direct = settings.agent.browser_port, settings.proxy.direct_port
    browsers = {first + slot: "agent.browser_port" for slot in range(settings.agent.slots)}
    claimed = {direct + offset: "proxy.direct_port" for offset in range(_DIRECT if direct else 0)}
    return {**claimed, **browsers, **screens, **ports}


def judge(listening: Mapping[int, Sequence[str]], ports: Mapping[int, str]) -> Iterator[Finding]:
    """Pure. listening: who listens on a port; nobody's name where that cannot be seen."""
    ours: list[int] = []
    for port in sorted(listening.keys() & ports.keys()):
        owners = listening[port]
        if any(_is_ours(owner) for owner in owners):
            ours.append(port)
        elif owners:
            yield fail(
                f"port {port} ({ports[port]}) is taken by {', '.join(owners)}", f"stop it, or change {ports[port]}"
            )
        else:
            yield warn(f"port {port} ({ports[port]}) is taken by somebody", "run this as root to see by whom")
    served = f"; WayPoint serves {', '.join(map(str, ours))}" if ours else ""
    free = len(ports.keys() - listening.keys())
    yield ok(f"{free} of {len(ports)} ports are free{served}")


def _is_ours(owner: str) -> bool:
    """systemd listens for a unit with a socket until that unit runs."""
    return owner.startswith("waypoint-") or owner == "systemd"
