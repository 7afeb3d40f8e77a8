"""etcd answers, with a quorum, in a version that is still cared for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from waypoint_controlplane.cli.doctor.etcd_http import Member, members
from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.verb import Invocation

_OLDEST = (3, 5)


def check(invocation: Invocation) -> Iterator[Finding]:
    """Every member that etcd.endpoints names."""
    return judge(members(invocation.settings.etcd))


def judge(found: Sequence[Member]) -> Iterator[Finding]:
    """Pure."""
    silent = [member for member in found if member.error]
    answering = [member for member in found if not member.error]
    told = "; ".join(f"{member.address}: {member.error}" for member in silent)
    if not answering:
        yield fail(f"no member answers ({told})", "start etcd, or correct etcd.endpoints and etcd's certificates")
        return
    if silent:
        yield warn(
            f"{len(silent)} of {len(found)} members do not answer ({told})",
            "start them, or take them out of etcd.endpoints",
        )
    for member in answering:
        if member.unhealthy:
            yield fail(f"{member.address} is not healthy: {member.unhealthy}", "see its log; most members must run")
        if _version(member.version) < _OLDEST:
            yield warn(
                f"{member.address} is version {member.version}, past its end of life", "upgrade it to 3.5 or newer"
            )
    versions = ", ".join(sorted({member.version for member in answering}))
    yield ok(f"{len(answering)} of {len(found)} members answer, version {versions}")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2] if part.isdecimal())
