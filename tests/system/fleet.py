"""A booted fleet as seen from outside: its endpoint, its browsers' processes, what etcd shows of it."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from system.news import PATIENCE, eventually
from waypoint_core import codec
from waypoint_core.codec import Record
from waypoint_core.errors import CodecError
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import Claim, Instance, InstanceState
from waypoint_lab import Host, cgroups

SLOTS = 12
RESERVE = 8
CLIENT_TIMEOUT = 20.0
# A busy machine is no failure.
SETTINGS = {
    "agent.probe_timeout": 30,
    "agent.start_timeout": 60,
    "controlplane.beat_grace": 30,
    "proxy.attach_timeout": 30,
    "proxy.browser_timeout": 20,
    "proxy.client_timeout": CLIENT_TIMEOUT,
    "proxy.handshake_timeout": 30,
    "proxy.upgrade_timeout": 30,
    "proxy.version_timeout": 25,
}
KEYS = Keys()
# Again for as long as its exit code says that trying again may help.
_WAYPOINTCTL = 'while waypointctl "$@"; code=$?; [ $code = 4 ]; do :; done; exit $code'
_UNIT = re.compile(r"waypoint-browser@(\d+)\.service")


@dataclass(frozen=True, slots=True)
class Entry:
    """What etcd has under one key; lease 0: none."""

    value: bytes
    lease: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """One host with its browsers."""

    host: Host
    guest: str = "none"
    """A unit with a browser that is none of the fleet's."""
    slots: int = SLOTS

    @property
    def http(self) -> str:
        """Where clients that ask /json/version go."""
        return f"http://{self.host.address}:9222"

    @property
    def ws(self) -> str:
        """Where clients that upgrade at once go."""
        return f"ws://{self.host.address}:9222"

    def processes(self) -> dict[int, int | None]:
        """All Chromium processes of the host, by the machine's pid, with their slot; None: outside of any slot."""
        found = {}
        for pid, folder in cgroups.processes(self.host.name).items():
            unit = _UNIT.search(str(folder))
            if unit or ("chromium" in _read(pid, "cmdline") and folder.name != self.guest):
                found[pid] = int(unit[1]) if unit else None
        return found

    def browsers(self) -> dict[str, int]:
        """Running browsers: the instance id that systemd's InvocationID gives each, and the machine's pid of it."""
        return {
            browser_id(self.host.name, slot, match[1]): pid
            for pid, slot in self.processes().items()
            if slot is not None
            and f"\nPPid:\t{self.host.pid1}\n" in _read(pid, "status")
            and (match := re.search(r"(?:^|\0)INVOCATION_ID=(\w+)", _read(pid, "environ")))
        }

    def instance_of(self, inside: int) -> str:
        """The instance whose main process has this pid on the host."""
        return next(instance for instance, pid in self.browsers().items() if _pid_inside(pid) == inside)

    def processes_of(self, instance: str) -> set[int]:
        """The machine's pids of everything in an instance's unit."""
        slot = int(instance.split("_")[1])
        return {pid for pid, where in self.processes().items() if where == slot}

    def waypointctl(self, *argv: str) -> tuple[str, ...]:
        """The command line for the host, which asks again while no control plane answers, patiently."""
        return ("timeout", str(PATIENCE), "sh", "-c", _WAYPOINTCTL, "sh", *argv)

    def ctl(self, *argv: str) -> str:
        """What waypointctl says."""
        return self.host.run(*self.waypointctl(*argv), timeout=2 * PATIENCE).stdout

    def listed(self, *argv: str) -> list[dict[str, Any]]:
        """What `waypointctl get` lists, once nothing is missing from it."""
        end = time.monotonic() + PATIENCE
        while (answer := json.loads(self.ctl("get", *argv, "-o", "json"))).get("missing"):
            assert time.monotonic() < end, answer["missing"]
        return answer["items"]

    def etcdctl(self, *argv: str) -> str:
        """What etcd's own client says, run on the host."""
        return self.host.run("etcdctl", *argv).stdout

    def write(self, key: str, value: bytes, lease: int = 0) -> None:
        """Put any bytes under a key."""
        options = [f"--lease={lease:x}"] if lease else []
        octal = "".join(f"\\{byte:03o}" for byte in value)
        self.host.run("sh", "-c", 'etcdctl put "$@" "$(printf "$0")"', octal, *options, key)

    def entries(self) -> dict[str, Entry]:
        """Every key in etcd, not only ours."""
        answer = json.loads(self.etcdctl("get", "", "--prefix", "--write-out=json"))
        return {
            base64.b64decode(found["key"]).decode(): Entry(
                base64.b64decode(found.get("value", "")), found.get("lease", 0)
            )
            for found in answer.get("kvs", ())
        }

    def instances(self) -> dict[str, Instance]:
        """The host's instances that etcd shows. CodecError when one of them cannot be read."""
        return _below(self.entries(), KEYS.host_instances(self.host.name), Instance)

    def claims(self) -> dict[str, Claim]:
        """The claims that etcd shows, by instance. CodecError when one of them cannot be read."""
        return _below(self.entries(), KEYS.claims, Claim)

    def log(self, unit: str) -> list[str]:
        """What a unit has said since the boot."""
        self.host.run("journalctl", "--sync")
        return self.host.run("journalctl", "-q", "-o", "cat", "--unit", unit).stdout.splitlines()

    def main_pid(self, unit: str) -> int:
        """A unit's main process, as numbered on the host."""
        return int(self.host.run("systemctl", "show", "--value", "--property=MainPID", unit).stdout)

    def flaw(self, sessions: int = 0) -> str:
        """What keeps this fleet from being complete and without anything left over; "" when nothing does."""
        processes, running, entries = self.processes(), self.browsers(), self.entries()
        try:
            instances = _below(entries, KEYS.host_instances(self.host.name), Instance)
            claims = _below(entries, KEYS.claims, Claim)
        except CodecError as error:
            return str(error)
        stray = [pid for pid, slot in processes.items() if slot not in range(self.slots)]
        unready = {key: life.state for key, life in instances.items() if life.state is not InstanceState.READY}
        claimed = min(RESERVE + sessions, self.slots)
        flaws = {
            f"{len(running)} browsers run": len(running) != self.slots,
            f"published or running, not both: {running.keys() ^ instances.keys()}": running.keys() != instances.keys(),
            f"not ready: {unready}": unready,
            f"{len(claims)} claims instead of {claimed}": len(claims) != claimed,
            f"claims without an instance: {claims.keys() - instances.keys()}": claims.keys() - instances.keys(),
            f"Chromium outside of its slots: {stray}": stray,
        }
        return "; ".join(flaw for flaw, holds in flaws.items() if holds)

    async def whole(self, sessions: int = 0, within: float = PATIENCE) -> float:
        """Wait until there is no flaw; the seconds it took."""
        return await eventually(lambda: not (flaw := self.flaw(sessions)) or flaw, within)


def _below(entries: Mapping[str, Entry], prefix: str, kind: type[Record]) -> dict[str, Record]:
    return {
        key.rpartition("/")[2]: codec.decode(kind, entry.value, key)
        for key, entry in entries.items()
        if key.startswith(prefix)
    }


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _pid_inside(pid: int) -> int:
    match = re.search(r"^NSpid:.*\t(\d+)$", _read(pid, "status"), re.MULTILINE)
    return int(match[1]) if match else 0
