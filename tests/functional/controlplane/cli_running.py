"""waypointctl as its users run it: a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping

PROGRAM = (sys.executable, "-c", "from waypoint_controlplane.cli import main; main()")


def variables(servers: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment that it runs in."""
    return {**os.environ, "WAYPOINT_CTL_SERVERS": servers, "TZ": "UTC", **(environment or {})}


def waypointctl(
    *words: str, servers: str = "127.0.0.1:1", environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """How it ended, and what it said."""
    return subprocess.run(
        [*PROGRAM, *words], env=variables(servers, environment), capture_output=True, text=True, check=False, timeout=60
    )
