"""Browsers started by `systemd/browser` as their unit starts it: an unprivileged user, a /tmp of its own in memory.

Every browser is one control group, which says what it costs and ends all of it at once. Needs root.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import select
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from functional.said import DEVTOOLS, Said

CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
LAUNCHER = (Path(__file__).parents[3] / "systemd/browser").read_text()
START_TIMEOUT = 20.0
_ENTER = """
mount -t tmpfs -o size=1G,mode=1777,nosuid,nodev,noexec tmpfs /tmp && cd /tmp && echo $$ >"$1/cgroup.procs" && shift &&
    exec setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
"""
_numbers = itertools.count()


class DidNotStart(Exception):
    """The browser ended, or kept silent, before DevTools answered."""


@dataclass(frozen=True, slots=True)
class Browser:
    """A running browser."""

    pid: int
    cgroup: Path
    port: int
    ready: float
    """Seconds from exec until DevTools answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def root(self) -> Path:
        """The file system that the browser sees."""
        return Path(f"/proc/{self.pid}/root")

    def processes(self) -> list[int]:
        return [int(pid) for pid in (self.cgroup / "cgroup.procs").read_text().split()]

    def cpu(self) -> float:
        """CPU seconds of all its processes, ended ones included."""
        return _cpu(self.cgroup)

    def ended(self, within: float) -> bool:
        """Whether all of its processes end within so many seconds; waits no longer than until they have."""
        return _emptied(self.cgroup, within)

    def memory(self) -> float:
        """Proportional share of memory, in MB, of all its processes and their kin."""
        texts = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in self.processes())
        return sum(int(kb) for text in texts for kb in re.findall(r"^Pss: +(\d+) kB", text, re.MULTILINE)) / 1024


@contextlib.contextmanager
def launched(
    launcher: str = LAUNCHER, flags: str = "", variables: Mapping[str, str] | None = None
) -> Iterator[Browser]:
    """A browser started by this text of the launcher, with the administrator's flags, one a line."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/tmp",
        "WAYPOINT_CHROMIUM": CHROMIUM,
        "WAYPOINT_DEVTOOLS_PORT": "0",
        "WAYPOINT_BROWSER_FLAGS": flags,
        **(variables or {}),
    }
    cgroup = _cgroups() / f"waypoint-test-{os.getpid()}-{next(_numbers)}"
    cgroup.mkdir()
    command = ("unshare", "--mount", "sh", "-c", _ENTER, "sh", cgroup, "sh", "-c", launcher, "browser")
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE)
    try:
        yield _answering(process, cgroup)
    finally:
        end(cgroup)
        process.wait()
        cgroup.rmdir()


def end(cgroup: Path) -> float:
    """Kill all of a browser; CPU seconds of its whole life."""
    (cgroup / "cgroup.kill").write_text("1")
    _emptied(cgroup)
    return _cpu(cgroup)


def _emptied(cgroup: Path, within: float | None = None) -> bool:
    """Wait until its last process has ended, of which the kernel tells whoever polls this file; None: for ever."""
    events = os.open(cgroup / "cgroup.events", os.O_RDONLY)
    poll = select.poll()
    poll.register(events, select.POLLPRI)
    try:
        while b"populated 1" in os.pread(events, 4096, 0):
            if not poll.poll(None if within is None else within * 1000):
                return False
    finally:
        os.close(events)
    return True


def _answering(process: subprocess.Popen[bytes], cgroup: Path) -> Browser:
    started = time.monotonic()
    assert process.stderr
    if found := Said(process.stderr).until(DEVTOOLS, START_TIMEOUT):
        port = int(found[2])
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/json/version") as answer:
            json.load(answer)
            return Browser(process.pid, cgroup, port, time.monotonic() - started)
    raise DidNotStart(f"exit status {process.poll()} after {time.monotonic() - started:.2f} s")


@cache
def _cgroups() -> Path:
    """Where the second version of control groups is mounted; it counts CPU time even without its controllers."""
    mounts = (line.split() for line in Path("/proc/mounts").read_text().splitlines())
    return Path(next(place for _, place, kind, *_ in mounts if kind == "cgroup2"))


def _cpu(cgroup: Path) -> float:
    return int((cgroup / "cpu.stat").read_text().split()[1]) / 1e6
