"""Who listens on this machine's TCP ports, read from /proc."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LISTEN = "0A"


def listeners() -> dict[int, list[str]]:
    """Port -> units of who listens there, or its name if it is in none; an empty list where that cannot be seen."""
    inodes = dict(_listening("tcp"))
    inodes |= dict(_listening("tcp6"))
    owners: dict[int, list[str]] = {port: [] for port in inodes.values()}
    for inode, owner in _holders(set(inodes)):
        if owner not in owners[inodes[inode]]:
            owners[inodes[inode]].append(owner)
    return owners


def parse(table: str) -> Iterator[tuple[str, int]]:
    """(inode, port) of the listening sockets in /proc/net/tcp. Pure."""
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTEN:
            yield fields[9], int(fields[1].rpartition(":")[2], 16)


def unit(cgroup: str) -> str:
    """The unit in /proc/PID/cgroup; "" if there is none. Pure."""
    for line in cgroup.splitlines():
        _, controllers, path = line.split(":", 2)
        name = path.rpartition("/")[2]
        if controllers in {"", "name=systemd"} and name.endswith((".service", ".socket")):
            return name
    return ""


def _listening(kind: str) -> Iterator[tuple[str, int]]:
    path = Path("/proc/net", kind)
    yield from parse(path.read_text()) if path.exists() else ()


def _holders(inodes: set[str]) -> Iterator[tuple[str, str]]:
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        with suppress(OSError):
            found = {inode for link in (process / "fd").iterdir() if (inode := _inode(link)) in inodes}
            if found:
                owner = unit((process / "cgroup").read_text()) or (process / "comm").read_text().strip()
                yield from ((inode, owner) for inode in found)


def _inode(link: Path) -> str:
    with suppress(OSError):
        target = str(link.readlink())
        if target.startswith("socket:["):
            return target[8:-1]
    return ""
