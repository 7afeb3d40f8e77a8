"""Our etcd client beside the published etcd3 0.12.0, each in a process of its own: python tests/bench/etcd_clients.py.

Installs etcd3 into temporary virtual environments: one with today's protobuf, to see whether it imports, and one with
the newest protobuf that it does import beside. Takes about two minutes.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from functional.etcd.cluster import Cluster, Member, running  # noqa: E402

OUTAGE = 10.0
PATIENCE = 15.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Candidate:
    """A client: the interpreter that has it, the worker that drives it, and what was measured."""

    name: str
    python: Path
    worker: Path
    figures: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def run(self, scenario: str, *endpoints: str) -> Iterator[Worker]:
        command = [self.python, self.worker, scenario, *endpoints]
        with tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0)
            try:
                yield Worker(process)
            finally:
                process.kill()
                process.communicate()


class Worker:
    """A running worker: a line in, a JSON line out."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._buffer = b""

    def say(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())

    def hear(self, seconds: float = 60) -> Any:
        """Its next line, None when it stays silent."""
        assert self.process.stdout
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self.process.stdout], [], [], left)[0]:
                return None
            read = os.read(self.process.stdout.fileno(), 65536)
            assert read, "the worker has ended"
            self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)

    @property
    def cpu(self) -> float:
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS


def environment(directory: Path, *requirements: str) -> Path:
    venv.create(directory, with_pip=True)
    python = directory / "bin/python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *requirements], check=True, capture_output=True)
    return python


def imports(python: Path, module: str) -> str:
    """Whether the module imports, beside which protobuf."""
    code = f"import google.protobuf as p; print(p.__version__, flush=True); import {module}"
    done = subprocess.run([python, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    error = next((line for line in done.stderr.splitlines() if line.startswith("TypeError")), "TypeError")
    return f"{done.stdout.strip()}: {'imports' if done.returncode == 0 else error}"


def outage(candidate: Candidate, cluster: Cluster) -> None:
    """A watch is open when etcd goes down, and when it comes back and a key is written."""
    with candidate.run("watch", *cluster.endpoints) as worker:
        assert worker.hear() == "ready"
        resumed(worker, cluster)  # from the first event on it is at rest
        (before, _), cpu = threads(worker), worker.cpu
        cluster.kill()
        end = time.monotonic() + OUTAGE
        while (left := end - time.monotonic()) > 0:
            worker.hear(left)  # it may have much to say
        after, most = threads(worker)
        candidate.figures["threads of Python's, most at once"] = str(most)
        candidate.figures["threads started in 10 s of outage"] = str(after - before)
        candidate.figures["CPU in an outage"] = f"{(worker.cpu - cpu) / OUTAGE:.0%} of a core"
        cluster.start()
        candidate.figures["watch after the restart"] = resumed(worker, cluster)


def threads(worker: Worker) -> tuple[int, int]:
    """How many threads the worker has started so far, and had at once; what its watch says meanwhile is skipped."""
    worker.say("threads")
    while not isinstance(answer := worker.hear(), list):
        assert answer, "the worker is silent"
    started, most = answer
    return started, most


def resumed(worker: Worker, cluster: Cluster) -> str:
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < PATIENCE:
        cluster.admin("kv/put", key="L3cvYQ==", value="YQ==")
        if worker.hear(0.2) == "event":
            return f"goes on, {elapsed:.1f} s"
    return f"silent for {PATIENCE:.0f} s"


def failover(candidate: Candidate, cluster: Cluster) -> None:
    """The member that it uses is killed, later frozen; how long until a read succeeds?"""
    with candidate.run("get", *cluster.endpoints) as worker:
        killed = used(worker, cluster)
        killed.kill()
        candidate.figures["three members, its own killed: next read after"] = answered(worker)
        cluster.start(killed)
        answered(worker)
        frozen = used(worker, cluster)
        frozen.freeze()
        candidate.figures["three members, its own frozen: next read after"] = answered(worker)
        frozen.thaw()


def used(worker: Worker, cluster: Cluster) -> Member:
    """The member that answers the worker now."""
    worker.say("get")
    address = worker.hear()
    return next(member for member in cluster.members if member.address == address)


def answered(worker: Worker) -> str:
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        worker.say("get")
        if worker.hear(PATIENCE):
            return f"{time.monotonic() - began:.2f} s"
    return f"none in {PATIENCE:.0f} s"


def speed(candidate: Candidate, cluster: Cluster) -> None:
    """Puts one after the other and 16 at a time; renewals of 200 leases, one after the other."""
    with candidate.run("speed", *cluster.endpoints) as worker:
        measured = worker.hear(120)
    candidate.figures["put, p50 / p99"] = f"{measured['p50']:.2f} / {measured['p99']:.2f} ms"
    candidate.figures["puts/s, 16 at a time"] = f"{measured['puts']:.0f}"
    candidate.figures["lease renewals/s"] = f"{measured['renewals']:.0f}"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="etcd-clients-") as name:
        directory = Path(name)
        today = environment(directory / "today", "etcd3==0.12.0")
        old = environment(directory / "old", "etcd3==0.12.0", "protobuf==3.20.3")
        ours = Candidate("waypoint_core.etcd", Path(sys.executable), HERE / "etcd_clients_ours.py")
        theirs = Candidate("etcd3 0.12.0", old, HERE / "etcd_clients_etcd3.py")
        ours.figures["today's protobuf"] = imports(Path(sys.executable), "waypoint_core.etcd")
        theirs.figures["today's protobuf"] = imports(today, "etcd3")
        theirs.figures["an older protobuf"] = imports(old, "etcd3")
        for candidate in (ours, theirs):
            measure(candidate, directory / candidate.worker.stem)
        print_table(ours, theirs)


def measure(candidate: Candidate, directory: Path) -> None:
    with running(directory / "speed") as cluster:
        speed(candidate, cluster)
    with running(directory / "outage") as cluster:
        outage(candidate, cluster)
    with running(directory / "failover", size=3) as cluster:
        failover(candidate, cluster)


def print_table(*candidates: Candidate) -> None:
    rows = list(dict.fromkeys(row for candidate in candidates for row in candidate.figures))
    print("| |", " | ".join(candidate.name for candidate in candidates), "|")
    print("|---" * (len(candidates) + 1) + "|")
    for row in rows:
        print(f"| {row} |", " | ".join(candidate.figures.get(row, "-") for candidate in candidates), "|")


if __name__ == "__main__":
    main()
