"""PID 1 of a host: systemd-nspawn started in the host's cgroups, watched until systemd says that it is up."""

from __future__ import annotations

import os
import re
import select
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from waypoint_lab.errors import LabError
from waypoint_lab.process import command
from waypoint_lab.rootfs import FIRST_PROGRAM

FOLDERS = Path("/run/systemd/nspawn")
FAILED = re.compile(r"Failed to start (?:\x1b\[[\d;]*m)?([\w@.:\\-]+\.\w+)")
LAUNCH = """
cd /
while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done
shift
setsid "$@" </dev/null >"$CONSOLE" 2>&1 &
echo $!
"""
"""Takes folders, --, a command line. The command must be nobody's child: it may outlive who boots the host."""


def start(name: str, directory: Path, folders: Iterable[Path], netns: Path | None, seconds: float) -> int:
    """Boot directory/root; the machine's pid of its PID 1 once every job of the boot is done. LabError else."""
    console, address = directory / "console.log", directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(address))
        launch = ["env", f"NOTIFY_SOCKET={address}", f"CONSOLE={console}", "sh", "-c", LAUNCH, "sh"]
        pid = int(command(*launch, *map(str, folders), "--", *arguments(name, directory / "root", netns)))
        try:
            return _wait(pid, notify, time.monotonic() + seconds)
        except LabError as error:
            log = console.read_text(errors="replace")
            units = "".join(f"; {unit} did not start" for unit in failed_units(log))
            raise LabError(f"cannot boot {name}: {error}{units}; its console said:\n{tail(log)}") from None


def arguments(name: str, root: Path, netns: Path | None) -> list[str]:
    """The nspawn command line; netns None shares the machine's network."""
    return [
        "systemd-nspawn",
        f"--directory={root}",
        f"--machine={machine(name)}",
        f"--hostname={name}",
        "--register=no",
        "--keep-unit",
        "--link-journal=no",
        "--resolv-conf=off",
        "--timezone=off",
        "--notify-ready=yes",
        "--kill-signal=SIGRTMIN+3",
        "--quiet",
        "--capability=CAP_NET_ADMIN",  # for its firewall
        *([f"--network-namespace-path={netns}"] if netns else []),
        *(f"--bind-ro={folder}" for folder in bare_folders()),
        f"/{FIRST_PROGRAM}",
    ]


def bare_folders(usr: Path = Path("/usr")) -> list[Path]:
    """Libraries and fonts: as on a real host they are found on a disk, not in an overlay.

    Looking so many files up in an overlay costs each start of a browser 3 % of its CPU time.
    """
    folders = [*sorted(usr.glob("lib/*-linux-gnu")), usr / "share/fonts", usr / "share/fontconfig"]
    return [folder for folder in folders if folder.is_dir()]


def machine(name: str) -> str:
    """What nspawn calls the host."""
    return f"waypoint-lab-{name}"


def remove_folder(name: str) -> None:
    """Remove the folder that nspawn leaves of a host."""
    with suppress(FileNotFoundError):
        (FOLDERS / "propagate" / machine(name)).rmdir()


def remove_common_folders() -> None:
    """Remove those that it leaves of the last host; other containers may use them still."""
    for folder in (FOLDERS / "propagate", FOLDERS / "locks", FOLDERS):
        with suppress(OSError):
            folder.rmdir()


def failed_units(console: str) -> list[str]:
    """The units that systemd says it could not start, each once; with StatusUnitFormat=name, see `rootfs`."""
    return list(dict.fromkeys(FAILED.findall(console)))


def tail(log: str, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.splitlines()[-lines:])


def parse_notification(datagram: bytes) -> dict[str, str]:
    """What sd_notify sent, by name."""
    pairs = (line.partition("=") for line in datagram.decode(errors="replace").splitlines())
    return {name: value for name, _, value in pairs}


def _wait(pid: int, notify: socket.socket, deadline: float) -> int:
    leader = 0
    try:
        exited = os.pidfd_open(pid)
    except ProcessLookupError:
        raise LabError("systemd-nspawn ended at once") from None
    try:
        poll = select.poll()
        poll.register(notify, select.POLLIN)
        poll.register(exited, select.POLLIN)
        while ready := poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
            if ready[0][0] == exited:
                raise LabError("systemd-nspawn ended")
            state = parse_notification(notify.recv(65536))
            leader = int(state.get("X_NSPAWN_LEADER_PID", leader))
            if state.get("READY") == "1":
                return leader
    finally:
        os.close(exited)
    raise LabError("systemd was not up in time")
