"""What another process must know to find or remove a host: one file each in /run/waypoint-lab."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path

from waypoint_lab.errors import LabError
from waypoint_lab.paths import RUN
from waypoint_lab.process import started


@dataclass(frozen=True, slots=True)
class Record:
    """A host from before its first trace until after its last one."""

    name: str
    network: str
    owner: int = 0
    """Process whose end makes the host an orphan; 0: the host outlives its creator."""
    owner_started: int = 0
    subnet: int | None = None
    pid1: int = 0

    @property
    def file(self) -> Path:
        """Where it is kept."""
        return RUN / f"{self.name}.json"

    @property
    def directory(self) -> Path:
        """The host's own files, on a tmpfs."""
        return RUN / self.name

    @property
    def orphaned(self) -> bool:
        """Whether the process that booted the host for itself is gone."""
        return self.owner != 0 and started(self.owner) != self.owner_started

    @property
    def in_use(self) -> bool:
        """Whether the process that booted the host for itself is still there, such as a test run."""
        return self.owner != 0 and not self.orphaned

    def claim(self) -> None:
        """Write the file if there is none; LabError when the name is taken."""
        RUN.mkdir(parents=True, exist_ok=True)
        draft = self._draft()
        try:
            os.link(draft, self.file)
        except FileExistsError:
            raise LabError(
                f"cannot boot {self.name}: a host of this name is there; remove it with: "
                f"python -m waypoint_lab down {self.name}"
            ) from None
        finally:
            draft.unlink()

    def save(self) -> None:
        """Replace the file."""
        self._draft().replace(self.file)

    def _draft(self) -> Path:
        draft = RUN / f".{self.name}.{os.getpid()}"
        draft.write_text(json.dumps(dataclasses.asdict(self)))
        return draft


def find(name: str) -> Record | None:
    """The record of that name, if there is such a host."""
    try:
        return Record(**json.loads((RUN / f"{name}.json").read_text()))
    except FileNotFoundError:
        return None


def find_all() -> list[Record]:
    """All hosts on this machine, by name."""
    records = (find(file.stem) for file in sorted(RUN.glob("*.json")))
    return [record for record in records if record is not None]
