"""A host's files: this machine's, with the stage and lab units laid over them, on a tmpfs."""

from __future__ import annotations

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from waypoint_lab import cgroups
from waypoint_lab.errors import LabError
from waypoint_lab.paths import ETCD, STAGE, STAGE_LOCK, UNITS
from waypoint_lab.process import command, succeeds

SYSTEM = frozenset({"bin", "sbin", "usr", "etc", "var", "dev", "proc", "sys", "run", "opt"})
HIDDEN = (
    "etc/systemd/system", "etc/systemd/system.conf.d", "etc/init.d", "etc/waypoint", "etc/sysctl.d",
    "var/lib/dbus", "var/lib/etcd", "var/lib/private", "var/lib/systemd", "var/log", "var/spool", "var/tmp",
)  # fmt: skip
MASKED = ("getty.target", "dev-hugepages.mount", "sys-fs-fuse-connections.mount", "systemd-logind.service")
FIRST_PROGRAM = "usr/lib/waypoint-lab/first"


def create(directory: Path, files: Mapping[str, str], without: Iterable[str] = ()) -> Path:
    """Mount the root below directory (a new tmpfs) with files laid in; the root's path.

    Our units and the lab's are enabled, except for those that the host is to be without: they are masked.
    """
    if not (STAGE / "usr/lib/waypoint").is_dir() or not (ETCD / "3.5/usr/bin/etcd").exists():
        raise LabError("cannot boot a host: nothing is built yet; run lab/prerequisites up and make stage")
    directory.mkdir()
    command("mount", "-t", "tmpfs", "-o", "mode=755", "waypoint-lab", str(directory))
    upper, work, root = (directory / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir()
    hide(upper, [*HIDDEN, *private_folders()])
    _copy_stage(upper)
    shutil.copytree(ETCD / "3.5", upper, dirs_exist_ok=True)
    for path, text in {**files, **_identity(), FIRST_PROGRAM: first_program(cgroups.version_1_names())}.items():
        target = upper / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    (upper / FIRST_PROGRAM).chmod(0o755)
    units = upper / "etc/systemd/system"
    shutil.copytree(UNITS, units, dirs_exist_ok=True)
    for unit in (*MASKED, *without):
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    (units / "default.target").symlink_to("/lib/systemd/system/multi-user.target")
    command("mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", "waypoint-lab", str(root))
    command("systemctl", "--root", str(root), "-q", "enable", *enabled_units(upper))
    return root


def remove(directory: Path) -> None:
    """Unmount and remove whatever of it is there."""
    for mount in (directory / "root", directory):
        if os.path.ismount(mount) and not succeeds("umount", str(mount)):
            command("umount", "--lazy", str(mount))
    if directory.exists():
        shutil.rmtree(directory)


def private_folders(top: Path = Path("/")) -> list[str]:
    """The machine's folders that are nothing to a host: all that no Debian system needs."""
    folders = [entry for entry in top.iterdir() if entry.is_dir() and not entry.is_symlink()]
    return [folder.name for folder in folders if folder.name not in SYSTEM and not folder.name.startswith("lib")]


def hide(upper: Path, folders: Iterable[str]) -> None:
    """Make the folders empty in an overlay with this upper layer; keeps the mode of those that are there."""
    for folder in folders:
        hidden = upper / folder
        hidden.mkdir(parents=True, exist_ok=True)
        os.setxattr(hidden, "trusted.overlay.opaque", b"y")
        below = Path("/", folder)
        if below.is_dir():
            hidden.chmod(below.stat().st_mode & 0o7777)


def enabled_units(upper: Path) -> list[str]:
    """Our units and the lab's that want to be enabled and are not masked; templates are started by others."""
    folders = (upper / "usr/lib/systemd/system", upper / "etc/systemd/system")
    ours = [unit for folder in folders for unit in sorted(folder.glob("*.*")) if unit.is_file()]
    masked = {unit.name for unit in folders[1].glob("*.*") if unit.is_symlink()}
    return [
        unit.name
        for unit in ours
        if unit.name not in masked and "@" not in unit.name and "[Install]" in unit.read_text()
    ]


def first_program(version_1: Iterable[str]) -> str:
    """What runs as PID 1 until systemd does: gives the host its cgroup controllers, see `cgroups`."""
    mounts = " ".join(f"/sys/fs/cgroup/{name}" for name in version_1)
    remount = f'for mount in {mounts}; do mount -o remount,bind,rw "$mount"; done\n' if mounts else ""
    return f"#!/bin/sh\n{remount}exec /lib/systemd/systemd --system\n"


def _identity() -> dict[str, str]:
    return {
        "etc/machine-id": f"{uuid.uuid4().hex}\n",
        "etc/fstab": "",
        "etc/crypttab": "",
        "etc/systemd/system.conf.d/lab.conf": "[Manager]\nStatusUnitFormat=name\n",  # the console shortens the others
    }


def _copy_stage(upper: Path) -> None:
    # A copy, since overlayfs takes no second lower layer that lies inside the first, and so that a stage built
    # anew leaves running hosts alone; the lock keeps us from copying one that is being built.
    with STAGE_LOCK.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        shutil.copytree(STAGE, upper, symlinks=True, dirs_exist_ok=True)
