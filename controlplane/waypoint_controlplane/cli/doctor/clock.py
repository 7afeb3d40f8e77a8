"""This machine's clock: nothing is decided by it, but people compare times, and certificates are checked by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from waypoint_controlplane.cli.doctor.etcd_http import Member, members
from waypoint_controlplane.cli.doctor.findings import Finding, ok, skipped, warn
from waypoint_controlplane.cli.doctor.run import run
from waypoint_controlplane.cli.verb import Invocation

_TOLERATED = 2.0
_MEND = "run a time service: systemctl enable --now systemd-timesyncd, or chrony"


def check(invocation: Invocation) -> Iterator[Finding]:
    """Against etcd's members, and whether a time service keeps it."""
    asked = run("timedatectl", "show", "--property=NTPSynchronized", "--value")
    synchronized = asked.said.strip() == "yes" if asked and asked.code == 0 else None
    return judge(members(invocation.settings.etcd), synchronized=synchronized)


def judge(found: Sequence[Member], *, synchronized: bool | None) -> Iterator[Finding]:
    """Pure; synchronized None: it is not known."""
    known = [(member.address, member.ahead) for member in found if member.ahead is not None]
    for address, ahead in known:
        if abs(ahead) > _TOLERATED:
            side = "before" if ahead > 0 else "behind"
            yield warn(f"{address} is {abs(ahead):.1f} s {side} this machine", _MEND)
    if not known:
        yield skipped("no member of etcd told its time")
    elif all(abs(ahead) <= _TOLERATED for _, ahead in known):
        yield ok(f"within {_TOLERATED:g} s of {len(known)} of etcd's members")
    if synchronized is False:
        yield warn("no time service keeps this clock", _MEND)
    elif synchronized:
        yield ok("kept by a time service")
