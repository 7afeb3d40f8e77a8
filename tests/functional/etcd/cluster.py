"""Real etcd processes on free loopback ports, to be killed, frozen, restored and refilled by tests."""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from waypoint_core.settings import EtcdSettings

ROOT = Path(__file__).parents[3]


def binary(version: str = "3.5") -> Path | None:
    """The etcd of that version that `make prepare` fetched, else (for 3.5) the one on PATH."""
    fetched = ROOT / ".build/etcd" / version / "usr/bin/etcd"
    on_path = shutil.which("etcd") if version == "3.5" else None
    return fetched if fetched.exists() else Path(on_path) if on_path else None


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def freeze(process: subprocess.Popen[bytes]) -> None:
    """Returns once it does nothing more, until it is sent SIGCONT."""
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)


@dataclass
class Member:
    """One etcd process; its ports stay the same over restarts."""

    name: str
    directory: Path
    options: list[str]
    etcd: Path
    scheme: str = "http"
    ports: list[int] = field(default_factory=lambda: free_ports(3))
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.ports[0]}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.address}"

    @property
    def peer(self) -> str:
        return f"http://127.0.0.1:{self.ports[1]}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def spawn(self, cluster: str) -> socket.socket:
        """Start it; the socket on which it says when it is ready, as it says to systemd."""
        health = f"http://127.0.0.1:{self.ports[2]}"
        command = [
            *(self.etcd, "--name", self.name, "--data-dir", self.data, "--unsafe-no-fsync"),
            *("--listen-client-urls", self.url, "--advertise-client-urls", self.url),
            *("--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer),
            *("--initial-cluster", cluster, "--listen-metrics-urls", health),
            *("--heartbeat-interval", "50", "--election-timeout", "500"),
            *("--log-level", "error", "--logger", "zap"),
            *self.options,
        ]
        self.directory.mkdir(parents=True, exist_ok=True)
        notified = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notified.bind("")  # the kernel chooses an abstract name
        name = "@" + notified.getsockname()[1:].decode()
        with (self.directory / "log").open("ab") as log:
            environment = {**os.environ, "GOMAXPROCS": "2", "NOTIFY_SOCKET": name}
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        return notified

    def wait_ready(self, notified: socket.socket, seconds: float = 20) -> None:
        """Wait until it, just started, has found its place in the cluster and serves."""
        assert self.process, f"{self.name} was not started"
        exited = os.pidfd_open(self.process.pid)
        try:
            ready, _, _ = select.select([notified, exited], [], [], seconds)
        finally:
            os.close(exited)
        assert ready, f"{self.name} is not ready after {seconds} s"
        assert notified in ready, (self.directory / "log").read_text()
        assert notified.recv(64) == b"READY=1"

    def wait_led(self, seconds: float = 20) -> None:
        """Wait until it, which runs, has a leader: a read of what the members agreed on is answered no earlier."""
        deadline = time.monotonic() + seconds
        while not self._reads(deadline - time.monotonic()):  # each of which waits for a leader, for seconds
            assert self.process, f"{self.name} was not started"
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, f"{self.name} has no leader"

    def _reads(self, seconds: float) -> bool:
        with contextlib.suppress(OSError):
            return bool(self.admin("kv/range", seconds, key="eA=="))
        return False

    def admin(self, path: str, seconds: float = 10, /, **fields: Any) -> dict[str, Any]:
        """Call etcd's JSON gateway: a client of its own, for what ours never does."""
        request = urllib.request.Request(
            f"{self.url}/v3/{path}", json.dumps(fields).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            return dict(json.load(answer))

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        assert self.process
        freeze(self.process)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)


class Cluster:
    """Members that form one cluster."""

    def __init__(self, directory: Path, size: int, etcd: Path, options: list[str], scheme: str) -> None:
        self.members = [Member(f"m{number}", directory / f"m{number}", options, etcd, scheme) for number in range(size)]
        self.token: list[str] = []

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(member.url for member in self.members)

    def settings(self, **changes: Any) -> EtcdSettings:
        """To reach it; an answer is waited for longer than by default, for no test is about how soon one comes."""
        return EtcdSettings(**{"endpoints": self.endpoints, "attempt_timeout": 10.0, "call_timeout": 20.0, **changes})

    def start(self, *members: Member) -> None:
        """Start these members, or all; returns when they are ready."""
        layout = ",".join(f"{member.name}={member.peer}" for member in self.members)
        started = members or self.members
        with contextlib.ExitStack() as stack:
            notified = [stack.enter_context(member.spawn(layout)) for member in started]
            for member, each in zip(started, notified, strict=True):
                member.wait_ready(each)

    def kill(self) -> None:
        for member in self.members:
            member.kill()

    def wipe(self) -> None:
        """Forget all data; the members must not run."""
        for member in self.members:
            shutil.rmtree(member.data)

    def save(self, backup: Path) -> None:
        """Copy all data; the members must not run."""
        for member in self.members:
            shutil.copytree(member.data, backup / member.name, dirs_exist_ok=True)

    def restore(self, backup: Path) -> None:
        """Put saved data back; the members must not run."""
        self.wipe()
        for member in self.members:
            shutil.copytree(backup / member.name, member.data)

    def admin(self, path: str, **fields: Any) -> dict[str, Any]:
        """Call the first member's JSON gateway."""
        return self.members[0].admin(path, **fields)


@contextlib.contextmanager
def running(
    directory: Path,
    *,
    size: int = 1,
    version: str = "3.5",
    options: list[str] | None = None,
    scheme: str = "http",
) -> Iterator[Cluster]:
    """A cluster for the duration of the body."""
    etcd = binary(version)
    assert etcd, f"etcd {version} is not here: run make prepare"
    cluster = Cluster(directory, size, etcd, options or [], scheme)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.kill()
