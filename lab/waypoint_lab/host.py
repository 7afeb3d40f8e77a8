"""One host, from boot to removal."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Literal, Self

from waypoint_lab import cgroups, lifecycle, rootfs
from waypoint_lab.cabling import Cable
from waypoint_lab.errors import LabError
from waypoint_lab.process import started
from waypoint_lab.record import Record, find
from waypoint_lab.settings import Value

Network = Literal["machine", "veth"]
NAMESPACES = ("mount", "uts", "ipc", "net", "pid", "cgroup")
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "SYSTEMD_PAGER=cat")


class Host:
    """A booted host; as a context it is removed at the end."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.name = record.name
        self.pid1 = record.pid1
        self.root = record.directory / "root"
        self.cable = None if record.subnet is None else Cable(record.name, record.subnet)

    @classmethod
    def boot(
        cls,
        name: str,
        *,
        slots: int = 4,
        network: Network = "veth",
        settings: Mapping[str, Value] | None = None,
        joins: Host | None = None,
        without: Collection[str] = (),
        outlive: bool = False,
        strict: bool = True,
        seconds: float = 180,
    ) -> Self:
        """Boot it and wait until systemd is done.

        joins: another host, whose etcd this one uses instead of one of its own. without: units that it does not run.
        outlive: it stays when the caller ends without removing it. strict: a daemon that is not up is an error.
        """
        mine = {} if outlive else {"owner": os.getpid(), "owner_started": started(os.getpid())}
        record = Record(name, network, **mine)
        if (left := find(name)) and left.orphaned:
            lifecycle.remove(left)
        lifecycle.check_free(record)
        record.claim()
        values: dict[str, Value] = {"agent.slots": slots, **(settings or {})}
        if joins:
            values["etcd.endpoints"] = [f"http://{joins.address}:2379"]
            without = {*without, "etcd.service"}
        try:
            host = cls(lifecycle.boot(record, values, without, seconds))
            if strict:
                host.check()
        except BaseException:
            lifecycle.remove(find(name) or record)
            raise
        return host

    @classmethod
    def attach(cls, name: str) -> Self:
        """The running host of that name, whoever booted it."""
        record = find(name)
        if record is None or record.pid1 not in cgroups.processes(name):
            raise LabError(f"there is no running host {name}; boot it with: make up")
        return cls(record)

    @property
    def address(self) -> str:
        """Where its endpoints answer."""
        return self.cable.address if self.cable else "127.0.0.1"

    @property
    def gateway(self) -> str:
        """Where this machine's servers answer the host's browsers."""
        return self.cable.gateway if self.cable else "127.0.0.1"

    def command(self, *argv: str) -> list[str]:
        """The command line that runs argv as root inside."""
        enter = ["nsenter", f"--target={self.pid1}", *(f"--{kind}" for kind in NAMESPACES)]
        return [*enter, "env", "-i", *ENVIRONMENT, f"TERM={os.environ.get('TERM', 'dumb')}", *argv]

    def run(
        self,
        *argv: str,
        check: bool = True,
        timeout: float = 60,
        input: str | None = None,  # noqa: A002 - as subprocess calls it
    ) -> subprocess.CompletedProcess[str]:
        """Run argv as root inside; LabError with its output when it fails and check is set."""
        done = subprocess.run(
            self.command(*argv), check=False, text=True, capture_output=True, timeout=timeout, input=input
        )
        if check and done.returncode != 0:
            said = done.stderr.strip() or done.stdout.strip()
            raise LabError(f"cannot run {' '.join(argv)} on {self.name}: it ended with {done.returncode}: {said}")
        return done

    def journal(self, unit: str | None = None, lines: int | Literal["all"] = "all") -> str:
        """The journal of a unit, or of all."""
        units = () if unit is None else ("--unit", unit)
        return self.run("journalctl", "-q", "-o", "short-precise", "-n", str(lines), *units).stdout

    def check(self) -> None:
        """LabError with their journals if units are not up."""
        failed = self.run("systemctl", "list-units", "--state=failed", "--plain", "--no-legend").stdout.splitlines()
        daemons = [unit for unit in rootfs.enabled_units(self.record.directory / "upper") if unit.endswith(".service")]
        states = self.run("systemctl", "is-active", *daemons, check=False).stdout.split()
        down = [unit for unit, state in zip(daemons, states, strict=True) if state != "active"]
        units = sorted({*(line.split()[0] for line in failed), *down})
        if units:
            logs = "\n".join(f"{unit} said:\n{self.journal(unit, 20)}" for unit in units)
            raise LabError(f"{self.name} is not up, these units are not: {', '.join(units)}\n{logs}")

    def unplug(self) -> None:
        """Cut the cable: packets vanish, nobody is told."""
        self._wire().unplug()

    def plug(self) -> None:
        """Mend the cable."""
        self._wire().plug()

    def remove(self) -> None:
        """End everything in it and leave no trace."""
        lifecycle.remove(self.record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def _wire(self) -> Cable:
        if self.cable is None:
            raise LabError(f"{self.name} is on the machine's network: boot it with network='veth' to unplug it")
        return self.cable
