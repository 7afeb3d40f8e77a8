"""Three hosts with a control plane each, on one etcd, and a fourth host with none of its own to be lost."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from system.fleet import Fleet
from system.news import PATIENCE
from waypoint_core.keys import Keys
from waypoint_lab import Host

LEASE = 6
SETTINGS = {
    "controlplane.lease_ttl": LEASE,
    "controlplane.host_grace": 4,
    "controlplane.beat_grace": 30,
    "controlplane.eviction_interval": 1,
    "etcd.lease_ttl": 10,
    "agent.start_timeout": 60,
    "proxy.open_timeout": 300,
    "proxy.upgrade_timeout": 30,
    "proxy.reserve": 1,
}
UNIT = "waypoint-controlplane.service"
KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Planes:
    """members have a control plane; lost has none."""

    members: Sequence[Host]
    lost: Host

    @property
    def fleet(self) -> Fleet:
        """The first host, whose etcd is everybody's."""
        return Fleet(self.members[0])

    def epoch(self) -> str:
        """Of the present leader; "" without one."""
        entry = self.fleet.entries().get(KEYS.leader)
        return str(json.loads(entry.value)["epoch"]) if entry else ""

    def until(self, key: str, holds: Callable[[Any], object], within: float = 2 * PATIENCE) -> Any:
        """The value of a key, None without one, as soon as it is so. AssertionError when it was not in time."""
        host = self.members[0]
        found = json.loads(self.fleet.etcdctl("get", key, "-w", "json"))
        values = [json.loads(_text(entry["value"])) for entry in found.get("kvs", ())]
        last = values[0] if values else None
        if holds(last):
            return last
        after = found["header"]["revision"] + 1
        for line in lines(host, within, "etcdctl", "watch", "-w", "json", f"--rev={after}", key):
            for event in json.loads(line)["Events"]:
                last = json.loads(_text(event["kv"]["value"])) if event.get("type", "PUT") == "PUT" else None
                if holds(last):
                    return last
        raise AssertionError(f"not after {within} s: {key} is {last}")

    def leader(self, since: str = "") -> Host:
        """The host whose control plane leads, once it was elected after the leader of that epoch."""
        found = self.until(KEYS.leader, lambda leader: leader and leader["epoch"] != since)
        return next(member for member in self.members if member.name == found["name"])

    def acting(self) -> Host:
        """The leader, once it decides: it ticks."""
        self.until(KEYS.tick, lambda tick: tick and tick["by"] == self.leader().name)
        return self.leader()

    def ctl(self, *argv: str) -> str:
        """What waypointctl says, asked where the leader is: its control plane runs."""
        return Fleet(self.leader()).ctl(*argv)

    def connected(self, host: Host) -> str:
        """The instance of a session that was opened on a host, once it has a browser."""
        fleet = Fleet(self.leader())
        ask = fleet.waypointctl("connect", "--host", host.name, "-o", "json")
        end = time.monotonic() + PATIENCE
        while (done := fleet.host.run(*ask, check=False, timeout=2 * PATIENCE)).returncode:
            assert time.monotonic() < end, done.stderr
        return str(json.loads(done.stdout)["instance"])

    def bystander(self, leader: Host) -> Host:
        """A host whose control plane does not lead."""
        return next(member for member in self.members if member is not leader)

    def revision(self) -> int:
        """etcd's, now."""
        return int(json.loads(self.fleet.etcdctl("get", "x", "-w", "json"))["header"]["revision"])

    def written(self, prefix: str, since: int) -> Counter[str]:
        """How often each key below a prefix was put after that revision."""
        return Counter(key for key, _ in self._puts(since) if key.startswith(prefix))

    def values(self, key: str, since: int) -> list[dict[str, Any]]:
        """Every value that was put under a key after that revision."""
        return [json.loads(value) for found, value in self._puts(since) if found == key]

    def _puts(self, since: int) -> Iterator[tuple[str, str]]:
        """Key and value of all that was put after that revision and before now."""
        now = json.loads(self.fleet.etcdctl("put", "now", "", "-w", "json"))["header"]["revision"]
        watch = ("etcdctl", "watch", "--prefix", "-w", "json", f"--rev={since + 1}", "")
        with closing(lines(self.members[0], PATIENCE, *watch)) as told:
            for event in (event for line in told for event in json.loads(line)["Events"]):
                if event["kv"]["mod_revision"] >= now:
                    return
                if event.get("type", "PUT") == "PUT":
                    yield _text(event["kv"]["key"]), _text(event["kv"].get("value", ""))
        raise AssertionError(f"etcd did not tell all of its history within {PATIENCE} s")


@contextmanager
def booted() -> Iterator[Planes]:
    """All four of them, leading."""
    with ExitStack() as hosts:
        first = hosts.enter_context(Host.boot("planes-a", slots=2, settings=SETTINGS))
        others = [
            hosts.enter_context(Host.boot(f"planes-{name}", slots=1, settings=SETTINGS, joins=first)) for name in "bc"
        ]
        lost = hosts.enter_context(
            Host.boot("planes-d", slots=1, settings=SETTINGS, joins=first, without={UNIT}),
        )
        planes = Planes([first, *others], lost)
        planes.acting()
        yield planes


@contextmanager
def struck(planes: Planes, blow: str) -> Iterator[Host]:
    """The leader's control plane is killed, or stopped for as long as the block takes and then resumed: its host."""
    leader, epoch = planes.leader(), planes.epoch()
    signal = {"killed": "SIGKILL", "stopped": "SIGSTOP"}[blow]
    leader.run("systemctl", "service-watchdogs", "no")  # or systemd would kill what stays stopped
    try:
        leader.run("systemctl", "kill", f"--signal={signal}", "--kill-whom=main", UNIT)
        planes.leader(since=epoch)
        yield leader
    finally:
        if blow == "stopped":
            leader.run("systemctl", "kill", "--signal=SIGCONT", "--kill-whom=main", UNIT)
        leader.run("systemctl", "start", UNIT)
        leader.run("systemctl", "service-watchdogs", "yes")


def lines(host: Host, within: float, *argv: str) -> Iterator[str]:
    """What a command says on a host, line by line as it says it, for so many seconds at most."""
    command = host.command("timeout", str(within), *argv)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield from process.stdout
        finally:
            process.kill()


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()
