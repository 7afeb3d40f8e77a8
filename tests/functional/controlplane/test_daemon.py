"""waypoint-controlplane as its unit starts it, on a real etcd: readiness, what it serves, how it ends."""

import asyncio
import contextlib
import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from functional.controlplane.leading import Stage
from functional.controlplane.outsider import Outsider
from functional.etcd.cluster import Cluster, free_ports, running
from waypoint_core.codec import decode, encode
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.keys import Keys
from waypoint_core.model import Member, ProxyAlive

_COMMAND = (sys.executable, "-c", "from waypoint_controlplane.daemon import main; main()")
_LONG_LEASE = 600
SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass
class Daemon:
    """A control plane's process, with this test in systemd's place."""

    name: str
    grpc: str
    status: str
    process: subprocess.Popen[bytes]
    log: Path
    told: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    """What it said to systemd, taken at once: it waits until that is so."""

    async def says(self, word: str, seconds: float = 20) -> str:
        """What it told systemd, once that begins with this word."""
        async with asyncio.timeout(seconds):
            while not (message := await self.told.get()).startswith(word):
                pass
            return message

    async def get(self, path: str) -> bytes:
        """As soon as the status endpoint answers, which is opened beside all else: readiness says nothing of it."""
        async with asyncio.timeout(20):
            while True:
                try:
                    return await asyncio.to_thread(self._get, path)
                except urllib.error.URLError as error:
                    if not isinstance(error.reason, ConnectionRefusedError):
                        raise

    def _get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self.status}{path}", timeout=20) as answer:
            return bytes(answer.read())

    async def health(self) -> Any:
        """As soon as gRPC answers."""
        async with grpc.aio.insecure_channel(self.grpc) as channel:
            request = health_pb2.HealthCheckRequest()
            stub = health_pb2_grpc.HealthStub(channel)
            return (await stub.Check(request, timeout=20, wait_for_ready=True)).status

    async def serves(self) -> None:
        """Returns once it says that it is healthy."""
        async with grpc.aio.insecure_channel(self.grpc) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=20)
            while (await watch.read()).status != SERVING:
                pass
            watch.cancel()

    async def catches_up(self) -> None:
        """Returns once its tables show all that was written before: what it writes itself it answers no earlier."""
        async with grpc.aio.insecure_channel(self.grpc) as channel:
            assert await Outsider(channel).add("later")

    async def ends(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Exit status."""
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, 30)


Start = Callable[..., Daemon]


def variables(etcd: Cluster, keys: Keys, **changes: object) -> dict[str, str]:
    settings = {
        "etcd_endpoints": ",".join(etcd.endpoints),
        "etcd_prefix": keys.prefix,
        "etcd_attempt_timeout": 6,
        "controlplane_lease_ttl": _LONG_LEASE,
        **changes,
    }
    return {**os.environ, **{f"WAYPOINT_{name.upper()}": str(value) for name, value in settings.items()}}


@pytest.fixture
async def start(shared_etcd: Cluster, keys: Keys, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts control planes, and ends them with the test."""
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:

        def one(name: str, etcd: Cluster = shared_etcd) -> Daemon:
            rpc, status = (f"127.0.0.1:{port}" for port in free_ports(2))
            notified = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            notified.bind(str(tmp_path / f"{name}.notify"))
            environment = variables(
                etcd, keys, controlplane_name=name, controlplane_listen=rpc, controlplane_status_listen=status
            )
            environment["NOTIFY_SOCKET"] = str(tmp_path / f"{name}.notify")
            environment["WATCHDOG_USEC"] = "3000000"
            log = tmp_path / f"{name}.log"
            with log.open("wb") as out:
                process = subprocess.Popen(_COMMAND, env=environment, stdout=out, stderr=out)
            stack.callback(process.wait)
            stack.callback(process.kill)
            daemon = Daemon(name, rpc, status, process, log)
            loop.add_reader(notified, lambda: daemon.told.put_nowait(notified.recv(4096).decode()))
            stack.callback(loop.remove_reader, notified)
            return daemon

        yield one


async def test_it_serves_and_tells_where(start: Start, stage: Stage, registry: EtcdRegistry, keys: Keys) -> None:
    history = await stage.history(keys)
    daemon = start("a")
    assert daemon.grpc in await daemon.says("READY=1")
    assert await daemon.health() == SERVING
    await daemon.says("WATCHDOG=1")
    await history.until(lambda there: "cp/members/a" in there)
    entry = await registry.get(keys.member("a"))
    assert entry
    member = decode(Member, entry.value, entry.key)
    assert (member.address, member.status, bool(entry.lease)) == (daemon.grpc, daemon.status, True)


async def test_both_interfaces_are_there(start: Start) -> None:
    daemon = start("a")
    await daemon.says("READY=1")
    async with grpc.aio.insecure_channel(daemon.grpc) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        question = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([question]))
        answer = await call.read()
        call.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert {f"waypoint.v1.{name}" for name in ("Hosts", "Instances", "Sessions", "Fleet")} <= names
    assert {name.rpartition(".")[2] for name in names} >= {
        "TryService",
        "SubscribeService",
        "PostService",
        "GetService",
    }


async def test_prometheus_finds_what_announces_itself(
    start: Start, stage: Stage, registry: EtcdRegistry, keys: Keys
) -> None:
    history = await stage.history(keys)
    daemon = start("a")
    await registry.put(keys.proxy("p"), encode(ProxyAlive("e", "h", status="10.0.0.1:9302")))
    await daemon.says("READY=1")
    await history.until(lambda there: "cp/members/a" in there)
    await daemon.catches_up()
    document = json.loads(await daemon.get("/sd"))
    assert [(each["targets"], each["labels"]["component"], each["labels"]["host"]) for each in document] == [
        (["10.0.0.1:9302"], "proxy", "h"),
        ([daemon.status], "controlplane", "a"),
    ]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed; make test installs it")
async def test_promtool_is_content_with_its_metrics(start: Start, stage: Stage, keys: Keys) -> None:
    history = await stage.history(keys)
    daemon = start("a")
    await history.until(lambda there: "cp/tick" in there)  # the first that it does as leader
    await daemon.health()
    page = await daemon.get("/metrics")
    assert b"\nwaypoint_controlplane_leader 1.0\n" in page
    check = functools.partial(subprocess.run, capture_output=True, check=False)
    done = await asyncio.to_thread(check, ["promtool", "check", "metrics"], input=page)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_it_hands_over_at_once(start: Start, stage: Stage, keys: Keys) -> None:
    """Nobody could lead for a minute if the lease had to run out."""
    history = await stage.history(keys)
    first = start("a")
    await history.until_led_by("a")
    second = start("b")
    await second.says("READY=1")
    assert await first.ends() == 0
    await history.until_led_by("b")
    await history.until(lambda there: "cp/members/a" not in there and "cp/members/b" in there)
    await first.says("STOPPING=1")
    assert "Traceback" not in first.log.read_text()


async def test_it_is_ready_only_when_it_has_read_everything(start: Start, keys: Keys, tmp_path: Path) -> None:
    with running(tmp_path / "etcd") as etcd:
        etcd.kill()
        daemon = start("a", etcd)
        assert await daemon.health() == NOT_SERVING
        while not daemon.told.empty():
            assert not daemon.told.get_nowait().startswith("READY")
        await asyncio.to_thread(etcd.start)
        await daemon.says("READY=1")
        await daemon.serves()


async def test_it_ends_also_without_etcd(start: Start, tmp_path: Path) -> None:
    with running(tmp_path / "etcd") as etcd:
        daemon = start("a", etcd)
        await daemon.says("READY=1")
        etcd.kill()
        assert await daemon.ends() == 0


def refused(etcd: Cluster, keys: Keys, **changes: object) -> subprocess.CompletedProcess[str]:
    environment = variables(etcd, keys, controlplane_status_listen="127.0.0.1:0", **changes)
    return subprocess.run(_COMMAND, env=environment, capture_output=True, text=True, check=False, timeout=60)


_OPEN = {"controlplane_listen": "0.0.0.0:0"}
_NO_FILE = {"controlplane_listen": "127.0.0.1:0", "tls_cert_file": "/none.crt", "tls_key_file": "/none.key"}
_NO_NAME = {"controlplane_listen": "127.0.0.1:0", "controlplane_name": "A_b"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (_OPEN, "cannot serve gRPC at 0.0.0.0:0 without certificates"),
        (_NO_FILE, "cannot read certificate /none.crt"),
        (_NO_NAME, "cannot use controlplane.name = 'A_b'"),
    ],
)
def test_what_it_must_not_or_cannot_do_is_said(
    shared_etcd: Cluster, keys: Keys, changes: dict[str, str], message: str
) -> None:
    done = refused(shared_etcd, keys, **changes)
    assert done.returncode == 1
    assert message in done.stderr


def test_and_nothing_else_is_said(shared_etcd: Cluster, keys: Keys) -> None:
    assert "Traceback" not in refused(shared_etcd, keys, **_OPEN).stderr
