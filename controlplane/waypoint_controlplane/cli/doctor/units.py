"""WayPoint's units are installed and run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, skipped, warn
from waypoint_controlplane.cli.doctor.run import run
from waypoint_controlplane.cli.verb import Invocation

_ROLES = ("waypoint-agent.service", "waypoint-controlplane.service")
_UNITS = (
    *_ROLES,
    "waypoint-agent.socket",
    "waypoint-broker.socket",
    "waypoint-broker.service",
    "waypoint-proxy.socket",
    "waypoint-proxy-tzafonwright.socket",
    "waypoint-proxy.service",
    "waypoint-tzafonwright.socket",
    "waypoint-tzafonwright.service",
    "waypoint-firewall.service",
    "waypoint-browser-root.service",
)
_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState"

Unit = Mapping[str, str]


def check(_: Invocation) -> Iterator[Finding]:
    """Asks systemctl."""
    asked = run("systemctl", "show", f"--property={_PROPERTIES}", *_UNITS)
    if asked is None or asked.code != 0:
        yield skipped(f"systemd cannot be asked: {asked.complaint if asked else 'there is no systemctl'}")
        return
    yield from judge(parse(asked.said))


def parse(said: str) -> list[Unit]:
    """The blocks of `systemctl show`. Pure."""
    blocks = [block.splitlines() for block in said.strip().split("\n\n") if block]
    return [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks]


def judge(units: list[Unit]) -> Iterator[Finding]:
    """Pure."""
    installed = [unit for unit in units if unit["LoadState"] != "not-found"]
    if not any(unit["Id"] in _ROLES for unit in installed):
        yield fail("neither agent nor control plane is installed here", "install the package waypoint")
    running = []
    for unit in installed:
        if unit["LoadState"] != "loaded":
            yield fail(f"{unit['Id']} cannot be loaded: {unit['LoadState']}", f"systemctl status {unit['Id']}")
        elif unit["ActiveState"] == "failed" or unit["SubState"] == "auto-restart":
            yield fail(
                f"{unit['Id']} has failed", f"journalctl -u {unit['Id']} says why; then systemctl restart {unit['Id']}"
            )
        elif unit["ActiveState"] == "inactive":
            yield warn(f"{unit['Id']} is installed, but not started", f"systemctl enable --now {unit['Id']}")
        else:
            running.append(unit["Id"])
    if running:
        yield ok(f"running: {', '.join(running)}")
