"""Waiting until browsers are warm, by watching what the fleet says in etcd."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator

from waypoint_lab.errors import LabError
from waypoint_lab.host import Host

INSTANCES = "/waypoint/v1/inst/"
WARM = frozenset({"ready", "claimed"})  # claimed: by the proxy, ahead of demand


class Pool:
    """The warm browsers after each line that `etcdctl watch` prints: PUT, key, value or DELETE, key, empty."""

    def __init__(self) -> None:
        self.warm: set[str] = set()
        self._record: list[str] = []

    def feed(self, line: str) -> None:
        """Take the next line."""
        self._record.append(line)
        if len(self._record) == 3:
            event, key, value = self._record
            self._record = []
            if event == "PUT" and json.loads(value).get("state") in WARM:
                self.warm.add(key)
            else:
                self.warm.discard(key)


def wait_warm(host: Host, count: int, seconds: float) -> None:
    """Return once so many browsers are warm; LabError with the agent's last words if that takes too long."""
    pool = Pool()
    for line in _watch(host, time.monotonic() + seconds):
        pool.feed(line)
        if len(pool.warm) >= count:
            return
    raise LabError(
        f"{len(pool.warm)} of {count} browsers are warm after {seconds:.0f} s; the agent's journal ends with:\n"
        f"{host.journal('waypoint-agent.service', 15)}look around with make shell, remove everything with make down"
    )


def _watch(host: Host, deadline: float) -> Iterator[str]:
    argv = host.command("etcdctl", "watch", "--rev=1", "--prefix", INSTANCES)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        buffer = b""
        try:
            while select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    return
                *lines, buffer = (buffer + chunk).split(b"\n")
                yield from (line.decode() for line in lines)
        finally:
            process.kill()
