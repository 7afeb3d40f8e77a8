"""Everything that a leader can decide. A decision carries its reason, which people read in events, log and describe.

Each is carried out by one transaction that compares the leadership key and, through `unless_changed`, `given` or an
absence, that what it was decided upon still holds: carried out twice, it changes nothing the second time.
"""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_core.model import DesiredHost, Freeze, KillKind, KnownHost
from waypoint_core.registry import Condition

REMEDIATION = "remediation"
"""Stands for the person in what the leader writes of its own accord."""


@dataclass(frozen=True, slots=True)
class Note:
    """Write what is made of a host: `cp/hosts/<h>`. unless_changed: the record's revision, 0: there is none."""

    host: str
    known: KnownHost
    unless_changed: int
    reason: str
    given: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask a suspect host directly whether it lives."""

    host: str
    status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Cordon:
    """Write what is wanted of a host: `desired/hosts/<h>`, and in the same transaction what is made of it.

    unless_changed: as of Note.
    """

    host: str
    desired: DesiredHost
    unless_changed: int
    reason: str
    note: Note


@dataclass(frozen=True, slots=True)
class SetFreeze:
    """Write `cp/freeze`, or with None delete it. unless_changed: as of Note."""

    freeze: Freeze | None
    unless_changed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Kill:
    """Ask for an instance's end, once: `desired/inst/<h>/<id>` is written, and the bond, if any, goes with it.

    unless_changed: as of Note; other than 0 where what was there cannot be read. bond: parent, child, revision.
    """

    instance: str
    kind: KillKind
    reason: str
    unless_changed: int = 0
    by: str = REMEDIATION
    bond: tuple[str, str, int] | None = None
    given: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Forget:
    """Delete keys that nothing needs any more: each with the revision at which that was so."""

    keys: tuple[tuple[str, int], ...]
    reason: str
    given: tuple[Condition, ...] = ()


Decision = Note | Probe | Cordon | SetFreeze | Kill | Forget
