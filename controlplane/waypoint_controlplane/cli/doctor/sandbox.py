"""Chromium's sandbox can be made: it is of namespaces that a user without privileges creates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, skipped
from waypoint_controlplane.cli.doctor.run import Ran, run
from waypoint_controlplane.cli.verb import Invocation

_NOBODY = 65534
_SYSCTLS = (
    "kernel.unprivileged_userns_clone",
    "user.max_user_namespaces",
    "kernel.apparmor_restrict_unprivileged_userns",
)


def check(_: Invocation) -> Iterator[Finding]:
    """Reads the sysctls, and creates a user namespace as a user without privileges."""
    who = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    tried = run("unshare", "--user", "--pid", "--net", "--fork", "true", cwd="/", **who)
    return judge({name: value for name in _SYSCTLS if (value := _sysctl(name)) is not None}, tried)


def judge(sysctls: Mapping[str, int], tried: Ran | None) -> Iterator[Finding]:
    """Pure. sysctls: those that this kernel has; tried: None if it could not be tried."""
    wrong = []
    if sysctls.get("kernel.unprivileged_userns_clone", 1) == 0:
        wrong.append("kernel.unprivileged_userns_clone=1")
    if sysctls.get("user.max_user_namespaces", 1) == 0:
        wrong.append("user.max_user_namespaces=65536")
    if tried is not None and tried.code != 0 and sysctls.get("kernel.apparmor_restrict_unprivileged_userns", 0):
        wrong.append("kernel.apparmor_restrict_unprivileged_userns=0")
    lasting = "write it to /etc/sysctl.d/60-waypoint.conf to keep it"
    if wrong:
        yield fail("users without privileges may not create namespaces", f"sysctl {' '.join(wrong)}; {lasting}")
    elif tried is None:
        yield skipped("namespaces could not be tried: there is no unshare", "apt-get install util-linux")
    elif tried.code != 0:
        mend = (
            "see what forbids it: a container's seccomp filter, or a security module; the sandbox is never switched off"
        )
        yield fail(f"a user without privileges cannot create namespaces: {tried.complaint}", mend)
    else:
        yield ok("users without privileges can create namespaces")


def _sysctl(name: str) -> int | None:
    path = Path("/proc/sys", *name.split("."))
    return int(path.read_text()) if path.exists() else None
