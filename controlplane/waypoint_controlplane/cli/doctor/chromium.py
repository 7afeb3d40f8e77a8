"""The browser is there, and is the browser itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.doctor.run import Ran, run
from waypoint_controlplane.cli.verb import Invocation

# Source: browser-root, which waypoint-browser-root.service runs.
_IN_A_BROWSERS_ROOT = ("/usr/", "/opt/")


def check(invocation: Invocation) -> Iterator[Finding]:
    """Runs the browser with --version."""
    agent = invocation.settings.agent
    path, setting = (
        (agent.desktop_chromium, "agent.desktop_chromium") if agent.desktop else (agent.chromium, "agent.chromium")
    )
    if not Path(path).is_file():
        return judge(path, "", None, setting)
    with Path(path).open("rb") as file:
        start = file.read(2)
    ran = run(path, "--version") if os.access(path, os.X_OK) else None
    return judge(path, "script" if start == b"#!" else "binary", ran, setting)


def judge(path: str, kind: str, ran: Ran | None, setting: str = "agent.chromium") -> Iterator[Finding]:
    """Pure. kind: script, binary, or "" if there is no such file; ran: None if it may not be run."""
    if not kind:
        package = "chromium" if setting == "agent.desktop_chromium" else "chromium-headless-shell"
        yield fail(f"{path} is not there", f"apt-get install {package}, or set {setting}")
    elif ran is None:
        yield fail(f"{path} is not executable", f"chmod 755 {path}, or set {setting}")
    elif ran.code != 0:
        yield fail(f"{path} does not run: {ran.complaint}", f"ldd {path} names libraries that are missing")
    else:
        yield ok(f"{path} is {ran.said.strip()}")
    if kind and not os.path.realpath(path).startswith(_IN_A_BROWSERS_ROOT):
        yield warn(
            f"{path} is not below /usr or /opt, the only places that a browser's unit sees",
            "move it there, or add BindReadOnlyPaths= with: systemctl edit waypoint-browser@.service",
        )
    if kind == "script":
        yield warn(
            f"{path} is a script around the browser",
            f"set {setting} to the binary itself: it runs as the unit's main process",
        )
