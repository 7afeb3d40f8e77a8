"""Runs clients/outsider.py: a program of somebody else's that registers itself, claims a browser, and dies."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from waypoint_lab import Host, trust

_PROGRAM = Path(__file__).parent / "clients" / "outsider.py"


class Outsider:
    """The running program: what it has, and how its children ended once it was told to kill itself."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.has: dict[str, Any] = self._read()

    def kill_parent(self) -> None:
        """Returns once the control plane has answered."""
        assert self._process.stdin is not None
        self._process.stdin.write("go on\n")
        self._process.stdin.flush()
        assert self._read() == {"killed": True}

    def end(self) -> dict[str, Any]:
        """What became of its children."""
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the outsider ended: {self._process.stderr.read() if self._process.stderr else ''}"
        return json.loads(line)


@contextmanager
def outsider(hosts: Sequence[Host]) -> Iterator[Outsider]:
    """It asks these hosts' control planes."""
    files = trust.administrator()
    addresses = ",".join(f"{host.address}:50052" for host in hosts)
    argv = [sys.executable, str(_PROGRAM), addresses, str(files.ca), str(files.certificate), str(files.key)]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Outsider(process)
        finally:
            process.kill()
