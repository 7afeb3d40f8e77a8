"""A real Prometheus finds every daemon through service discovery and scrapes it; what is shipped for it is right."""

import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from system.cdp import session
from system.fleet import Fleet
from tzafonwright import TzafonWrightClient
from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.api.binding import Stub
from waypoint_lab import Host, trust

ROOT = Path(__file__).parents[2]
PORT = 19090
DAEMONS = ("agent", "proxy", "controlplane", "tzafonwright")


def known() -> set[str]:
    """Every metric family that docs/metrics.md names."""
    return set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE))


def query(expression: str) -> list[dict[str, Any]]:
    url = f"http://127.0.0.1:{PORT}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)["data"]["result"]


def targets() -> dict[str, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/v1/targets", timeout=60) as answer:
            active = json.load(answer)["data"]["activeTargets"]
    except urllib.error.URLError:  # it does not listen yet
        return {}
    return {target["labels"].get("component", "?"): target["health"] for target in active}


class Sampled(BaseHTTPRequestHandler):
    """Where Prometheus writes what it has scraped, as soon as it has: a reason to ask it again."""

    protocol_version = "HTTP/1.1"
    server: "Receiver"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()
        self.server.more.set()

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Receiver(ThreadingHTTPServer):
    """Hears of new samples."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Sampled)
        self.more = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def until(self, seconds: float, true: Callable[[], object]) -> None:
        """Asks after each delivery of samples."""
        end = time.monotonic() + seconds
        while (said := true()) is not True:
            assert self.more.wait(end - time.monotonic()), said
            self.more.clear()


@pytest.fixture(scope="module")
def prometheus(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """The shipped configuration, pointed at the lab's host and authority, with a faster pace; what tells of samples."""
    with Receiver() as receiver:
        serving = threading.Thread(target=receiver.serve_forever, name="receiver")
        serving.start()
        try:
            with scraping(host, tmp_path_factory.mktemp("prometheus"), receiver.url):
                yield receiver
        finally:
            receiver.shutdown()
            serving.join()


@contextmanager
def scraping(host: Host, folder: Path, receiver: str) -> Iterator[None]:
    """A Prometheus that also writes to a receiver."""
    ca = trust.administrator().ca
    shipped = (ROOT / "packaging/prometheus/prometheus.yml").read_text()
    tls = f"tls_config: {{ ca_file: {ca} }}"
    ours = (
        shipped.replace("http://127.0.0.1:9303/sd", f"https://{host.address}:9303/sd")
        .replace("refresh_interval: 30s", f"refresh_interval: 1s\n        {tls}")
        .replace("scrape_interval: 15s", "scrape_interval: 3s")
        .replace("- job_name: waypoint", f"- job_name: waypoint\n    {tls}")
        .replace("- waypoint.rules.yml", f"- {ROOT}/packaging/prometheus/waypoint.rules.yml")
    )
    ours += f"\nremote_write: [{{ url: {receiver}, queue_config: {{ batch_send_deadline: 100ms }} }}]\n"
    (folder / "prometheus.yml").write_text(ours)
    subprocess.run(["promtool", "check", "config", folder / "prometheus.yml"], check=True, capture_output=True)
    argv = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    log = (folder / "log").open("w")
    with log, subprocess.Popen([*argv, f"--web.listen-address=127.0.0.1:{PORT}"], stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


def post_metrics(host: Host) -> None:
    """Of every kind, as an instance of somebody else's posts them."""
    files = trust.administrator()
    credentials = grpc.ssl_channel_credentials(
        files.ca.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
    )
    name = pb.InstanceId(instance_id=f"model {time.time_ns()}")
    services = pb.DESCRIPTOR.services_by_name
    with grpc.secure_channel(f"{host.address}:50052", credentials) as channel:
        added = Stub(services["TryService"], channel).try_add_instance(
            pb.InstanceDescription(instance_id=name, instance_type=pb.VLLM), timeout=60
        )
        posted = Stub(services["PostService"], channel).post_instance_description(
            pb.InstanceDescription(
                instance_id=name,
                proxy_metrics=pb.ProxyMetrics(num_connections=1),
                system_metrics=pb.SystemMetrics(used_memory_bytes=1, total_memory_bytes=2),
                gpu_metrics=pb.GpuMetrics(gpu_metrics=[pb.GpuMetricData(used_memory=1, total_memory=2)]),
                llm_metrics=pb.LlmMetrics(num_requests=1, tokens_received=2, tokens_sent=3),
            ),
            timeout=60,
        )
    assert (added.value, posted.value) == (True, True)


def missing() -> set[str]:
    """Families that Prometheus has had no series of."""
    told = {
        family["metric"]["__name__"]
        for family in query('count by (__name__) (last_over_time({__name__=~"waypoint_.*"}[5m]))')
    }
    seen = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in told} | told
    return known() - seen


async def test_every_daemon_is_found_and_every_family_scraped(
    fleet: Fleet, host: Host, site: str, prometheus: Receiver
) -> None:
    async with session(fleet.ws) as client:
        await client.page(f"{site}/form.html")
    async with TzafonWrightClient(f"ws://{host.address}:1337", connect_timeout=90) as tw:
        await tw.goto(f"{site}/form.html")
    await fleet.whole()
    fleet.ctl("status", "--wait-leader", "--timeout", "60")
    prometheus.until(90, lambda: targets() == dict.fromkeys(DAEMONS, "up") or targets())
    assert len(known()) > 30
    post_metrics(host)  # they count for as long as the instance is there
    prometheus.until(90, lambda: not (left := missing()) or left)
    (sessions,) = query("sum(waypoint_proxy_sessions_total)")
    assert float(sessions["value"][1]) >= 1


def expressions() -> Iterator[str]:
    """Of alerts and dashboard."""
    rules = (ROOT / "packaging/prometheus/waypoint.rules.yml").read_text()
    yield from re.findall(r"expr: (.*(?:\n {10}.*)*)", rules)
    for panel in json.loads((ROOT / "packaging/grafana/waypoint.json").read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def test_alerts_and_dashboard_refer_to_metrics_that_exist() -> None:
    used = {name for expression in expressions() for name in re.findall(r"waypoint_\w+", expression)}
    assert len(used) > 20
    families = known() | {f"{name}{suffix}" for name in known() for suffix in ("_bucket", "_sum", "_count")}
    assert used - families == set()


def test_promtool_is_content_with_every_endpoint(host: Host) -> None:
    ca = str(trust.administrator().ca)
    for port in (9301, 9302, 9303):
        page = subprocess.run(
            ["curl", "-sf", "--cacert", ca, f"https://{host.address}:{port}/metrics"], check=True, capture_output=True
        ).stdout
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()


def test_rules_are_valid() -> None:
    subprocess.run(["promtool", "check", "rules", ROOT / "packaging/prometheus/waypoint.rules.yml"], check=True)
