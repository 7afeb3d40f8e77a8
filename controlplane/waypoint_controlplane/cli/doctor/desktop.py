"""What desktops need is there, if this host is to have them."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok
from waypoint_controlplane.cli.verb import Invocation

PROGRAMS = {"Xvfb": "xvfb", "openbox": "openbox"}
MODULES = {"pyautogui": "waypoint", "tkinter": "python3-tk"}


def check(invocation: Invocation) -> Iterator[Finding]:
    """Looks for programs and modules."""
    agent = invocation.settings.agent
    there = {name for name in PROGRAMS if shutil.which(name)}
    there |= {name for name in MODULES if importlib.util.find_spec(name)}
    return judge(there, f"{agent.desktop_size}, port {agent.desktop_port} and above" if agent.desktop else "")


def judge(there: set[str], wanted: str) -> Iterator[Finding]:
    """Pure. wanted: the desktops' size and port, "" where there are to be none."""
    if not wanted:
        yield ok("browsers have no desktops here: agent.desktop is false")
        return
    missing = {name: package for name, package in (PROGRAMS | MODULES).items() if name not in there}
    for name, package in missing.items():
        yield fail(f"{name} is not there, which desktops need", f"apt-get install {package}")
    if not missing:
        yield ok(f"desktops of {wanted}")
