"""waypointctl doctor on the machine that runs the tests, against a real etcd."""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest

from functional.controlplane.cli_running import PROGRAM, variables, waypointctl
from functional.etcd.certificates import Authority
from functional.etcd.cluster import ROOT, binary, running
from unit.controlplane.cli.fake import Fleet, serving
from waypoint_controlplane.cli.doctor import CHECKS


def found(*checks: str, **environment: str) -> dict[str, list[dict[str, str]]]:
    """What the doctor finds, by check."""
    words = [word for check in checks for word in ("--only", check)]
    patient = {"WAYPOINT_ETCD_ATTEMPT_TIMEOUT": "15", **environment}
    result = waypointctl("doctor", "-o", "json", *words, environment=patient)
    assert not result.stderr
    items: dict[str, list[dict[str, str]]] = {}
    for item in json.loads(result.stdout)["items"]:
        items.setdefault(item["check"], []).append(item)
    assert result.returncode == any(item["level"] == "fail" for check in items.values() for item in check)
    return items


def level(items: list[dict[str, str]]) -> str:
    """The worst."""
    return max((item["level"] for item in items), key=["ok", "skipped", "warn", "fail"].index)


def test_every_check_runs_here(tmp_path: Path) -> None:
    """Whatever this machine is like, each check says something, and none breaks."""
    with running(tmp_path) as etcd, serving(Fleet()) as plane:
        settings = {"WAYPOINT_ETCD_ENDPOINTS": etcd.endpoints[0], "WAYPOINT_CTL_SERVERS": f"{plane},{plane}"}
        items = found(**settings)
        # An answer that takes seconds makes two clocks differ.
        assert any(found("clock", **settings)["clock"][0]["level"] == "ok" for _ in range(3))
    assert set(items) == set(CHECKS)
    assert not [item for check in items.values() for item in check if item["found"].startswith("cannot check this")]
    assert level(items["etcd"]) == "ok"
    assert level(items["controlplane"]) == "ok"
    assert items["chromium"][0]["level"] == "ok"
    assert "Chromium" in items["chromium"][0]["found"]
    assert level(items["sandbox"]) == "ok"
    assert items["cgroups"][0]["level"] == "ok"


def test_etcd_with_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")
    member, client = authority.issue("member"), authority.issue("client")
    options = ["--cert-file", member.certificate, "--key-file", member.key, "--client-cert-auth"]
    options += ["--trusted-ca-file", authority.certificate]
    with running(tmp_path, scheme="https", options=[str(option) for option in options]) as etcd:
        settings = {"WAYPOINT_ETCD_ENDPOINTS": etcd.endpoints[0], "WAYPOINT_ETCD_CA_FILE": str(authority.certificate)}
        assert level(found("etcd", **settings)["etcd"]) == "fail"
        settings |= {"WAYPOINT_ETCD_CERT_FILE": str(client.certificate), "WAYPOINT_ETCD_KEY_FILE": str(client.key)}
        items = found("etcd", "certificates", **settings)
    assert level(items["etcd"]) == "ok"
    assert level(items["certificates"]) == "warn"  # the tests' certificates last for a day


@pytest.mark.skipif(binary("3.4") is None, reason="etcd 3.4 is not here: make prepare fetches it")
def test_etcd_past_its_end_of_life(tmp_path: Path) -> None:
    with running(tmp_path, version="3.4") as etcd:
        items = found("etcd", WAYPOINT_ETCD_ENDPOINTS=etcd.endpoints[0])["etcd"]
    assert items[0]["level"] == "warn"
    assert "version 3.4" in items[0]["found"]


def test_a_minority_of_etcd(tmp_path: Path) -> None:
    with running(tmp_path, size=3) as etcd:
        settings = {"WAYPOINT_ETCD_ENDPOINTS": ",".join(etcd.endpoints)}
        etcd.members[0].kill()
        for member in etcd.members[1:]:
            member.wait_led()  # again
        assert level(found("etcd", **settings)["etcd"]) == "warn"
        etcd.members[1].kill()
        assert level(found("etcd", **settings, WAYPOINT_ETCD_ATTEMPT_TIMEOUT="1")["etcd"]) == "fail"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees who listens")
def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        items = found("ports", WAYPOINT_PROXY_LISTEN=f"127.0.0.1:{port}")["ports"]
    assert items[0]["level"] == "fail"
    assert items[0]["found"].startswith(f"port {port} (proxy.listen) is taken by ")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees the firewall")
def test_our_own_firewall() -> None:
    """In a network namespace of its own: first without it, then with it, then with a port that it does not close."""
    command = ["unshare", "--net", "sh", "-c", '"$@"', "sh", *PROGRAM, "doctor", "--only", "firewall"]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1
    command[4] = 'nft -f systemd/waypoint.nft && "$@"'
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.startswith("ok "), done.stdout
    elsewhere = variables("cp:1", {"WAYPOINT_AGENT_BROWSER_PORT": "30000"})
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=elsewhere)
    assert "open to browsers: 30000, 30001, 30002, 30003" in done.stdout


def test_a_browser_that_is_missing(tmp_path: Path) -> None:
    (item,) = found("chromium", WAYPOINT_AGENT_CHROMIUM=str(tmp_path / "none"))["chromium"]
    assert item["level"] == "fail"
    assert "apt-get install chromium-headless-shell" in item["mend"]
    wrapper = found("chromium", WAYPOINT_AGENT_CHROMIUM="/usr/bin/chromium-headless-shell")["chromium"]
    assert [each["level"] for each in wrapper] == ["ok", "warn"]
