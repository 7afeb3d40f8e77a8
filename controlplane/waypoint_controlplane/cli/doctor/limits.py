"""Descriptors and tasks suffice for the sessions and browsers that are configured."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, ok, warn
from waypoint_controlplane.cli.doctor.run import run
from waypoint_controlplane.cli.verb import Invocation

_BESIDE = 200
_TASKS_A_BROWSER = 150


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be had: descriptors by the proxy, tasks by all."""

    descriptors: int
    tasks: int


def check(invocation: Invocation) -> Iterator[Finding]:
    """Reads the proxy unit's limit, or this process's own."""
    settings = invocation.settings
    limits = Limits(_descriptors(), min(_number("kernel/pid_max"), _number("kernel/threads-max")))
    return judge(limits, connections=settings.proxy.max_connections, slots=settings.agent.slots)


def judge(limits: Limits, *, connections: int, slots: int) -> Iterator[Finding]:
    """Pure. A connection takes two descriptors, a browser some 150 tasks."""
    wanted = 2 * connections + _BESIDE
    if limits.descriptors < wanted:
        yield warn(
            f"the proxy may open {limits.descriptors} descriptors, {connections} connections take {wanted}",
            f"systemctl edit waypoint-proxy.service: LimitNOFILE={wanted}; or lower proxy.max_connections",
        )
    else:
        yield ok(f"{limits.descriptors} descriptors for {connections} connections")
    tasks = slots * _TASKS_A_BROWSER
    if limits.tasks < tasks:
        yield warn(
            f"{limits.tasks} tasks, {slots} browsers take up to {tasks}",
            "sysctl kernel.pid_max=4194304 kernel.threads-max=1000000; /etc/sysctl.d/60-waypoint.conf keeps them",
        )
    else:
        yield ok(f"{limits.tasks} tasks for {slots} browsers")


def _descriptors() -> int:
    asked = run("systemctl", "show", "--property=LoadState,LimitNOFILE", "waypoint-proxy.service")
    lines = dict(line.split("=", 1) for line in asked.said.splitlines() if "=" in line) if asked else {}
    if lines.get("LoadState") == "loaded" and lines.get("LimitNOFILE", "").isdecimal():
        return int(lines["LimitNOFILE"])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = _number("fs/nr_open")
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


def _number(name: str) -> int:
    return int(Path("/proc/sys", name).read_text())
