"""What systemd's preparation of a browser's unit costs, without the browser: python tests/bench/confinement.py.

CPU time of a start and its end, of everything on a booted host, beside that of a unit that asks for nothing. What
docs/decisions/0007-a-root-of-its-own.md compares with: the same confinement with a root that is mounted for each life,
and above the host's own root, where each thing mounted on the host has to be covered or undone.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.beside import heading, host_cpu_seconds, row
from waypoint_lab import Host

STARTS = 30
MORE_MOUNTS = 100
BARE = "[Service]\nType=oneshot\nExecStart=/bin/true\n"
NO_BROWSER = "[Service]\nType=oneshot\nEnvironmentFile=\nExecStart=\nExecStart=/bin/true\n"
ROOT = "/run/bench-root"
FOLDERS = ("dev", "etc", "opt", "proc", "run", "sys", "tmp", "usr", "var/cache/fontconfig", "var/tmp")
BY_SYSTEMD = """
RootDirectory=
TemporaryFileSystem=
TemporaryFileSystem={tmp}:size=1G,nr_inodes=64k,mode=1777,nosuid,nodev,noexec
TemporaryFileSystem=/dev/shm:size=512M,mode=1777,nosuid,nodev,noexec
TemporaryFileSystem=/run:ro,size=64k,mode=0755
BindReadOnlyPaths=-/run/systemd/resolve -/run/NetworkManager -/run/resolvconf
InaccessiblePaths=-+/etc/waypoint
MountAPIVFS=yes
ProtectProc=invisible
PrivateDevices=yes
"""
FOR_EACH_LIFE = f"""
RootDirectory={ROOT}
BindReadOnlyPaths=/usr /etc -/opt -/var/cache/fontconfig /sys:/sys:norbind
"""
UNITS = {
    "bare@0.service": ("asks for nothing", ""),
    "waypoint-browser@1.service": ("a browser's", NO_BROWSER),
    "waypoint-browser@2.service": (
        "with a root mounted for each life",
        NO_BROWSER + BY_SYSTEMD.format(tmp="/tmp-bounded") + FOR_EACH_LIFE,
    ),
    "waypoint-browser@3.service": (
        "above the host's own root",
        NO_BROWSER + BY_SYSTEMD.format(tmp=f"{ROOT}/tmp-bounded") + "ProtectHome=yes\n",
    ),
}


def main(rounds: int) -> None:
    with Host.boot("bench-confinement", slots=1) as host:
        host.run("systemctl", "stop", "waypoint.target")
        host.run("systemctl", "start", "waypoint-browser-root.service")
        host.run("mkdir", "-p", *(f"{ROOT}/{folder}" for folder in FOLDERS))
        host.run("ln", "-s", "tmp", f"{ROOT}/tmp-bounded")
        for folder in ("bin", "lib", "lib64", "sbin"):
            host.run("ln", "-s", f"usr/{folder}", f"{ROOT}/{folder}")
        host.run("tee", "/run/systemd/system/bare@.service", input=BARE)
        for unit, (_, drop_in) in UNITS.items():
            host.run("mkdir", "-p", f"/run/systemd/system/{unit}.d")
            host.run("tee", f"/run/systemd/system/{unit}.d/bench.conf", input=drop_in)
        host.run("systemctl", "daemon-reload")
        heading()
        compare(host, rounds)
        for number in range(MORE_MOUNTS):
            host.run("mkdir", f"/run/bench-{number}")
            host.run("mount", "-t", "tmpfs", "tmpfs", f"/run/bench-{number}")
        print(f"  with {MORE_MOUNTS} more mounts on the host:")
        compare(host, rounds)


def compare(host: Host, rounds: int) -> None:
    spent: dict[str, list[float]] = {unit: [] for unit in UNITS}
    for _ in range(rounds):
        for unit, times in spent.items():
            times.append(start(host, unit))
    bare, *others = (statistics.median(times) for times in spent.values())
    for (title, _), milliseconds in zip(list(UNITS.values())[1:], others, strict=True):
        row(title, milliseconds, bare, "ms")


def start(host: Host, unit: str) -> float:
    """Milliseconds of CPU time of one start, without those of the command that asks for it."""
    return (spent_on(host, f"systemctl start {unit}") - spent_on(host, f"systemctl is-active {unit}")) * 1000


def spent_on(host: Host, command: str) -> float:
    before = host_cpu_seconds(host.name)
    host.run("sh", "-c", f"for i in $(seq {STARTS}); do {command} >/dev/null; done; true")
    return (host_cpu_seconds(host.name) - before) / STARTS


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="medians of so many turns")
    main(parser.parse_args().rounds)
