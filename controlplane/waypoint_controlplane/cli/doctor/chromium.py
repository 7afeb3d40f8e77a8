"""The browser is there, and is the browser itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.doctor.run import Ran, run
from waypoint_controlplane.cli.verb import Invocation

_INSTALL = "apt-get install chromium-headless-shell, or set agent.chromium"


def check(invocation: Invocation) -> Iterator[Finding]:
    """Runs `agent.chromium --version`."""
    path = invocation.settings.agent.chromium
    if not Path(path).is_file():
        return judge(path, "", None)
    with Path(path).open("rb") as file:
        start = file.read(2)
    ran = run(path, "--version") if os.access(path, os.X_OK) else None
    return judge(path, "script" if start == b"#!" else "binary", ran)


def judge(path: str, kind: str, ran: Ran | None) -> Iterator[Finding]:
    """Pure. kind: script, binary, or "" if there is no such file; ran: None if it may not be run."""
    if not kind:
        yield fail(f"{path} is not there", _INSTALL)
    elif ran is None:
        yield fail(f"{path} is not executable", f"chmod 755 {path}, or set agent.chromium")
    elif ran.code != 0:
        yield fail(f"{path} does not run: {ran.complaint}", f"ldd {path} names libraries that are missing")
    else:
        yield ok(f"{path} is {ran.said.strip()}")
    if kind == "script":
        yield warn(
            f"{path} is a script around the browser",
            "set agent.chromium to the binary itself: it runs as the unit's main process",
        )
