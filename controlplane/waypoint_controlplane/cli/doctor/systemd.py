"""systemd runs this machine, in a version that the units are made for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok
from waypoint_controlplane.cli.doctor.run import run
from waypoint_controlplane.cli.verb import Invocation

_OLDEST = 252


def check(_: Invocation) -> Iterator[Finding]:
    """Asks systemctl, and looks at process 1."""
    asked = run("systemctl", "--version")
    return judge(asked.said if asked else "", Path("/proc/1/comm").read_text().strip())


def judge(version: str, first: str) -> Iterator[Finding]:
    """Pure. version: what `systemctl --version` says, "" without one; first: the name of process 1."""
    number = re.match(r"systemd (\d+)", version)
    if not number:
        yield fail(
            "systemd is not installed", "WayPoint's hosts need systemd 252 or newer: apt-get install systemd-sysv"
        )
    elif int(number[1]) < _OLDEST:
        yield fail(f"systemd is version {number[1]}", "WayPoint's units need 252 or newer: upgrade the system")
    elif first != "systemd":
        yield fail(
            f"process 1 is {first}, not systemd", "browsers are units: boot this machine or container with systemd"
        )
    else:
        yield ok(f"version {number[1]}, process 1")
