"""Pressure stall information: how much of the last 10 seconds tasks of this host stood still, and for want of what."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

RESOURCES = ("cpu", "memory", "io")


@dataclass(frozen=True, slots=True)
class Pressure:
    """kind some: at least one task stood still; full: all did. avg10 is in percent."""

    resource: str
    kind: str
    avg10: float


def read(proc: Path) -> Iterator[Pressure]:
    """What the kernel says; nothing when it has no PSI. Source: the kernel's Documentation/accounting/psi.rst."""
    for resource in RESOURCES:
        try:
            lines = (proc / "pressure" / resource).read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            kind, avg10, *_ = line.split()
            yield Pressure(resource, kind, float(avg10.removeprefix("avg10=")))
