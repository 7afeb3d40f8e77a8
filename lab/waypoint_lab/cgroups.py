"""A host's own folder in each cgroup hierarchy, so that its limits bite and its removal is complete.

What holds, tried on a hybrid machine (version 1 controllers, version 2 for names): systemd-nspawn gives a host
the version 1 controllers read-only, where MemoryMax=, TasksMax= and CPUQuota= are accepted and ignored. The
host's first program (see `rootfs`) remounts them read-write before it becomes systemd; the cgroup namespace
roots them at the folder made here, and then all three bite. On a machine with version 2 only, nspawn delegates
the folder and there is nothing to remount; the controllers are switched on down to it here.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from waypoint_lab.errors import LabError

PARENT = "waypoint-lab"
NEEDED = frozenset({"memory", "pids", "cpu", "cpuacct", "blkio", "devices", "name=systemd"})
DELEGATED = ("memory", "pids", "cpu", "io")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """One mounted cgroup hierarchy; version 2 has no controllers named in its mount options."""

    mount: Path
    version: int
    controllers: frozenset[str] = frozenset()


def parse_mounts(mountinfo: str) -> Iterator[Hierarchy]:
    """The hierarchies in a /proc/<pid>/mountinfo that a host needs a folder in."""
    for line in mountinfo.splitlines():
        fields, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        mount = Path(fields.split()[4])
        if kind == "cgroup2":
            yield Hierarchy(mount, 2)
        elif kind == "cgroup" and (controllers := frozenset(options.split(",")) & NEEDED):
            yield Hierarchy(mount, 1, controllers)


def hierarchies() -> list[Hierarchy]:
    """This machine's; LabError when it has none that processes can be told apart by."""
    found = list(parse_mounts(Path("/proc/self/mountinfo").read_text()))
    if not any(hierarchy.version == 2 for hierarchy in found):
        raise LabError("cannot boot a host: no cgroup version 2 hierarchy is mounted below /sys/fs/cgroup")
    return found


def create(name: str) -> list[Path]:
    """The host's folders, one a hierarchy, made anew."""
    return [_create(hierarchy, name) for hierarchy in hierarchies()]


def _create(hierarchy: Hierarchy, name: str) -> Path:
    folder = hierarchy.mount / PARENT / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot make {folder}: {error.strerror}; the lab needs cgroups that it may write") from error
    if hierarchy.version == 2:
        offered = (hierarchy.mount / "cgroup.controllers").read_text().split()
        for above in (hierarchy.mount, hierarchy.mount / PARENT):
            for controller in set(DELEGATED).intersection(offered):
                (above / "cgroup.subtree_control").write_text(f"+{controller}")
    return folder


def version_1_names() -> list[str]:
    """Folder names below a host's /sys/fs/cgroup whose controllers it must be able to write."""
    found = []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, _ = line.split(":", 2)
        if set(controllers.split(",")) & (NEEDED - {"name=systemd"}):
            found.append(controllers)
    return found


def processes(name: str) -> dict[int, Path]:
    """The host's processes, each with its version 2 folder relative to the host's."""
    found: dict[int, Path] = {}
    for hierarchy in hierarchies():
        if hierarchy.version == 2:
            top = hierarchy.mount / PARENT / name
            for name_of_folder, _, _ in os.walk(top):  # unlike rglob, it minds no folder that goes meanwhile
                folder = Path(name_of_folder)
                with suppress(OSError):
                    pids = map(int, (folder / "cgroup.procs").read_text().split())
                    found |= dict.fromkeys(pids, folder.relative_to(top))
    return found


def remove(name: str, seconds: float = 30) -> None:
    """Remove the host's folders; a folder stays busy for a moment after its last process."""
    for hierarchy in hierarchies():
        parent = hierarchy.mount / PARENT
        top = parent / name
        folders = [folder for folder in top.rglob("*") if folder.is_dir()] if top.is_dir() else []
        for folder in [*sorted(folders, reverse=True), top]:
            _remove_folder(folder, time.monotonic() + seconds)
        with suppress(OSError):  # other hosts live there
            parent.rmdir()


def _remove_folder(folder: Path, deadline: float) -> None:
    while True:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > deadline:
                raise LabError(f"cannot remove {folder}: {error.strerror}") from error
            time.sleep(0.005)
        else:
            return
