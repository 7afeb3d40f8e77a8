"""Commands and processes: run one, end several."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from waypoint_lab.errors import LabError


def command(*argv: str, input: str | None = None) -> str:  # noqa: A002 - as subprocess calls it
    """The command's standard output; LabError with its complaint when it fails."""
    try:
        return subprocess.run(argv, check=True, text=True, capture_output=True, input=input).stdout
    except FileNotFoundError as error:
        raise LabError(f"cannot run {argv[0]}: not installed; run lab/prerequisites test") from error
    except subprocess.CalledProcessError as error:
        raise LabError(f"cannot run {' '.join(argv)}: {error.stderr.strip() or error.stdout.strip()}") from error


def succeeds(*argv: str) -> bool:
    """Whether the command exits with 0; its output is dropped."""
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


def started(pid: int) -> int:
    """Clock ticks from the machine's boot to the process's start, 0 if it is gone: with the pid, its identity."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def end(pids: Iterable[int], number: int = signal.SIGKILL, seconds: float = 10) -> bool:
    """Signal the processes (0: do not) and wait until all have exited; False when some live on after that time."""
    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        poll = select.poll()
        open_fds = set()
        for pid in pids:
            with suppress(ProcessLookupError):
                fd = os.pidfd_open(pid)
                stack.callback(os.close, fd)
                signal.pidfd_send_signal(fd, number)
                poll.register(fd, select.POLLIN)
                open_fds.add(fd)
        while open_fds:
            ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
            if not ready:
                return False
            for fd, _ in ready:
                poll.unregister(fd)
                open_fds.discard(fd)
    return True
