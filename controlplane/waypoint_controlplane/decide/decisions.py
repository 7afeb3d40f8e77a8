"""Everything that a leader can decide. A decision carries its reason, which people read in events, log and describe.

Each is carried out by one transaction that compares the leadership key and, through `unless_changed` or an absence,
that what it was decided upon still holds: carried out twice, it changes nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_core.model import DesiredHost, Freeze, KillKind, KnownHost


@dataclass(frozen=True, slots=True)
class Note:
    """Write what is made of a host: `cp/hosts/<h>`. unless_changed: the record's revision, 0: there is none."""

    host: str
    known: KnownHost
    unless_changed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask a suspect host directly whether it lives."""

    host: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cordon:
    """Write what is wanted of a host: `desired/hosts/<h>`. unless_changed: as of Note."""

    host: str
    desired: DesiredHost
    unless_changed: int
    reason: str


@dataclass(frozen=True, slots=True)
class SetFreeze:
    """Write `cp/freeze`, or with None delete it. unless_changed: as of Note."""

    freeze: Freeze | None
    unless_changed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Ask for an instance's end, once: `desired/inst/<h>/<id>` is written if absent; the bond goes with it."""

    instance: str
    kind: KillKind
    reason: str
    bond: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete keys that nothing needs any more: each with the revision at which that was so."""

    keys: tuple[tuple[str, int], ...]
    reason: str


Decision = Note | Probe | Cordon | SetFreeze | Kill | Forget
