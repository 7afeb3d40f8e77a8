"""The doctor's judgements on made-up facts: one line a case, with the levels it must find and a word of the mending."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from functional.etcd.certificates import Authority
from unit.controlplane.cli.conftest import Ctl
from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import doctor
from waypoint_controlplane.cli.doctor import (
    certificates,
    cgroups,
    chromium,
    clock,
    controlplane,
    desktop,
    etcd,
    firewall,
    limits,
    listeners,
    ports,
    room,
    sandbox,
    systemd,
    units,
)
from waypoint_controlplane.cli.doctor.certificates import Pair
from waypoint_controlplane.cli.doctor.etcd_http import Member, members
from waypoint_controlplane.cli.doctor.findings import Finding, Level
from waypoint_controlplane.cli.doctor.run import Ran, run
from waypoint_controlplane.cli.verb import Invocation
from waypoint_core.settings import EtcdSettings, ProxySettings, Settings


def levels(findings: Iterable[Finding]) -> list[str]:
    """Their levels; whatever is not ok must say how to mend it."""
    found = list(findings)
    assert all(finding.mend for finding in found if finding.level in {Level.WARN, Level.FAIL})
    return [str(finding.level) for finding in found]


GOOD = Member("e1:2379", version="3.5.16")
LEADING = pb.Status(leader="cp1", server="cp1", proxies=[pb.Proxy(name="a")])
V2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"
HYBRID = "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\ncgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
V1 = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n"
AGENT = {"Id": "waypoint-agent.service", "LoadState": "loaded", "ActiveState": "active", "SubState": "running"}
NOWHERE = {
    "Id": "waypoint-controlplane.service",
    "LoadState": "not-found",
    "ActiveState": "inactive",
    "SubState": "dead",
}
PORTS = {9222: "proxy.listen", 50052: "controlplane.listen"}
CLOSED = json.dumps({"nftables": [{"metainfo": {}}, {"set": {"elem": [9222, {"range": [20000, 20999]}, 50052]}}]})

CASES = {
    "etcd: all answer": (etcd.judge([GOOD, GOOD]), ["ok"]),
    "etcd: none answers": (etcd.judge([Member("e1:2379", error="refused")]), ["fail"]),
    "etcd: one is down": (etcd.judge([GOOD, Member("e2:2379", error="refused")]), ["warn", "ok"]),
    "etcd: too old": (etcd.judge([Member("e1:2379", version="3.4.23")]), ["warn", "ok"]),
    "etcd: two digits": (etcd.judge([Member("e1:2379", version="3.10.0")]), ["ok"]),
    "etcd: no quorum": (etcd.judge([Member("e1:2379", version="3.5.1", unhealthy="NO LEADER")]), ["fail", "ok"]),
    "clock: right": (clock.judge([Member("e1", ahead=0.4)], synchronized=True), ["ok", "ok"]),
    "clock: behind": (clock.judge([Member("e1", ahead=90.0)], synchronized=False), ["warn", "warn"]),
    "clock: unknown": (clock.judge([Member("e1", error="refused")], synchronized=None), ["skipped"]),
    "control plane: leads": (controlplane.judge(LEADING), ["ok"]),
    "control plane: nobody leads": (controlplane.judge(pb.Status(server="cp1")), ["fail", "warn"]),
    "systemd: right": (systemd.judge("systemd 252 (252.39-1)", "systemd"), ["ok"]),
    "systemd: too old": (systemd.judge("systemd 249 (249)", "systemd"), ["fail"]),
    "systemd: container without": (systemd.judge("systemd 252 (252)", "tini"), ["fail"]),
    "systemd: none": (systemd.judge("", "init"), ["fail"]),
    "units: running": (units.judge([AGENT, NOWHERE]), ["ok"]),
    "units: none": (units.judge([NOWHERE]), ["fail"]),
    "units: stopped": (units.judge([{**AGENT, "ActiveState": "inactive"}]), ["warn"]),
    "units: failed": (units.judge([{**AGENT, "ActiveState": "failed"}]), ["fail"]),
    "units: crashing": (units.judge([{**AGENT, "SubState": "auto-restart"}]), ["fail"]),
    "units: masked": (units.judge([{**AGENT, "LoadState": "masked"}]), ["fail"]),
    "chromium: right": (chromium.judge("/usr/c", "binary", Ran(0, "Chromium 140\n")), ["ok"]),
    "chromium: missing": (chromium.judge("/usr/c", "", None), ["fail"]),
    "chromium: not executable": (chromium.judge("/usr/c", "binary", None), ["fail"]),
    "chromium: library missing": (chromium.judge("/usr/c", "binary", Ran(127, "libnss3.so: not found")), ["fail"]),
    "chromium: where browsers do not look": (
        chromium.judge("/srv/c", "binary", Ran(0, "Chromium 140\n")),
        ["ok", "warn"],
    ),
    "chromium: script": (chromium.judge("/usr/c", "script", Ran(0, "Chromium 140\n")), ["ok", "warn"]),
    "sandbox: right": (sandbox.judge({"user.max_user_namespaces": 100}, Ran(0, "")), ["ok"]),
    "sandbox: forbidden": (sandbox.judge({"kernel.unprivileged_userns_clone": 0}, Ran(1, "no")), ["fail"]),
    "sandbox: none allowed": (sandbox.judge({"user.max_user_namespaces": 0}, None), ["fail"]),
    "sandbox: AppArmor": (sandbox.judge({"kernel.apparmor_restrict_unprivileged_userns": 1}, Ran(1, "no")), ["fail"]),
    "sandbox: AppArmor, yet allowed": (
        sandbox.judge({"kernel.apparmor_restrict_unprivileged_userns": 1}, Ran(0, "")),
        ["ok"],
    ),
    "sandbox: seccomp": (sandbox.judge({}, Ran(1, "unshare failed")), ["fail"]),
    "sandbox: no unshare": (sandbox.judge({}, None), ["skipped"]),
    "cgroups: v2": (cgroups.judge(V2, "cpu memory pids", pressure=True), ["ok"]),
    "cgroups: v2 without memory": (cgroups.judge(V2, "cpu pids", pressure=True), ["fail"]),
    "cgroups: hybrid": (cgroups.judge(HYBRID, "", pressure=False), ["ok", "warn"]),
    "cgroups: v1 alone": (cgroups.judge(V1, "", pressure=True), ["fail"]),
    "limits: enough": (limits.judge(limits.Limits(20000, 32768), connections=8000, slots=4), ["ok", "ok"]),
    "limits: few": (limits.judge(limits.Limits(1024, 32768), connections=8000, slots=400), ["warn", "warn"]),
    "desktop: not wanted": (desktop.judge(set(), ""), ["ok"]),
    "desktop: there": (desktop.judge({"Xvfb", "openbox", "pyautogui", "tkinter"}, "1280x800"), ["ok"]),
    "desktop: missing": (desktop.judge({"Xvfb", "pyautogui"}, "1280x800"), ["fail", "fail"]),
    "ports: free": (ports.judge({22: ["ssh.service"]}, PORTS), ["ok"]),
    "ports: ours": (ports.judge({9222: ["systemd", "waypoint-proxy.service"]}, PORTS), ["ok"]),
    "ports: socket unit": (ports.judge({9222: ["systemd"]}, PORTS), ["ok"]),
    "ports: taken": (ports.judge({9222: ["nginx.service"]}, PORTS), ["fail", "ok"]),
    "ports: by whom": (ports.judge({9222: []}, PORTS), ["warn", "ok"]),
    "firewall: closed": (firewall.judge(Ran(0, CLOSED), [20003, 50052]), ["ok"]),
    "firewall: a gap": (firewall.judge(Ran(0, CLOSED), [2379, 50052]), ["warn"]),
    "firewall: not loaded": (firewall.judge(Ran(1, "No such file or directory"), []), ["fail"]),
    "firewall: not root": (firewall.judge(Ran(1, "Operation not permitted (you must be root)"), []), ["skipped"]),
    "firewall: no nft": (firewall.judge(None, []), ["fail"]),
    "room: memory": ([room.judge_memory(8 << 30, 4)], ["ok"]),
    "room: too many slots": ([room.judge_memory(2 << 30, 50)], ["warn"]),
    "room: disks": (room.judge_disks({"/": 50 << 30, "/var": 1 << 30, "/var/log": 1 << 20}), ["ok", "warn", "fail"]),
}


@pytest.mark.parametrize("case", CASES)
def test_judgement(case: str) -> None:
    findings, expected = CASES[case]
    assert levels(findings) == expected


def test_stale_and_frozen_control_plane() -> None:
    status = pb.Status(leader="cp1", server="cp2", frozen=True, frozen_by="ann", proxies=[pb.Proxy(name="a")])
    status.staleness.FromSeconds(60)
    assert levels(controlplane.judge(status)) == ["ok", "warn", "warn"]


def test_units_are_read_from_systemctl() -> None:
    said = "Id=a.service\nLoadState=loaded\n\nId=b.socket\nLoadState=not-found\n"
    assert units.parse(said) == [
        {"Id": "a.service", "LoadState": "loaded"},
        {"Id": "b.socket", "LoadState": "not-found"},
    ]


def test_listeners_are_read_from_proc() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:2406 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
        "   1: 0100007F:2406 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n"
    )
    assert list(listeners.parse(table)) == [("4711", 9222)]
    assert listeners.unit("0::/waypoint.slice/waypoint-proxy.service\n") == "waypoint-proxy.service"
    assert listeners.unit("4:memory:/x.service\n1:name=systemd:/system.slice/ssh.service\n") == "ssh.service"
    assert listeners.unit("0::/init.scope\n") == ""


def test_ports_follow_the_settings() -> None:
    wanted = ports.wanted(Settings(proxy=ProxySettings(listen="0.0.0.0:80", direct_port=0)))
    assert wanted[80] == "proxy.listen"
    assert wanted[20003] == "agent.browser_port"
    assert 20004 not in wanted
    assert wanted[1337] == "proxy.tzafonwright_listen"
    assert len(wanted) == 6 + 4


@pytest.mark.parametrize(("days", "level"), [(-1, "fail"), (13, "warn"), (15, "ok")])
def test_last_days(days: int, level: str) -> None:
    now = datetime(2026, 2, 2, tzinfo=UTC)
    assert certificates.judge("x.crt", now + timedelta(days=days), now).level == level


def test_certificates(tmp_path: Path) -> None:
    fleet, stranger = Authority(tmp_path, "fleet"), Authority(tmp_path, "stranger")
    host, other = fleet.issue("host"), stranger.issue("other")

    def examined(cert: Path | str, key: Path | str, ca: Path | str) -> list[tuple[str, str]]:
        found = certificates.examine(Pair("tls", str(cert), str(key), str(ca)))
        return [(str(finding.level), finding.found) for finding in found if "runs out" not in finding.found]

    assert examined(host.certificate, host.key, fleet.certificate) == []
    assert examined(host.certificate, other.key, fleet.certificate) == [
        ("fail", f"{other.key} is not the key of {host.certificate}")
    ]
    ((level, why),) = examined(host.certificate, host.key, stranger.certificate)
    assert (level, "is not signed by" in why) == ("fail", True)
    assert examined(host.certificate, "", fleet.certificate)[0][0] == "fail"
    assert examined(host.key, host.key, "")[0] == (
        "fail",
        f"cannot use certificate {host.key}: it is not a PEM file with a certificate",
    )
    assert examined("/nowhere.crt", host.key, "") == [
        ("fail", "/nowhere.crt cannot be read: No such file or directory")
    ]


def test_files_for_etcd_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    found = members(EtcdSettings(endpoints=("https://127.0.0.1:1",), ca_file=str(tmp_path / "ca.pem")))
    assert [member.address for member in found] == ["127.0.0.1:1"]
    assert "etcd.ca_file" in found[0].error


def test_programs_that_are_not_there() -> None:
    assert run("no-such-program") is None
    ran = run("sh", "-c", "echo one; echo two >&2; exit 3")
    assert ran == Ran(3, "one\ntwo\n")
    assert ran.complaint == "two"


def test_a_check_that_breaks_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Invocation) -> Iterable[Finding]:
        raise OSError("no /proc here")

    monkeypatch.setattr("waypoint_controlplane.cli.doctor.room.check", broken)
    assert list(doctor.examine("room", Invocation())) == [
        Finding(Level.SKIPPED, "cannot check this: no /proc here"),
    ]


def test_the_command(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ctl.says("doctor", "--only", "controlplane") == (
        "ok       controlplane  cp1 answers, cp1 leads, 1 control planes run\n"
    )
    monkeypatch.setenv("WAYPOINT_CTL_SERVERS", "127.0.0.1:1")
    result = ctl("doctor", "--only", "controlplane")
    assert result.exit_code == 1
    assert "         -> start waypoint-controlplane.service" in result.stdout.replace("              ", " ")
    (item,) = json.loads(ctl("doctor", "--only", "controlplane", "-o", "json").stdout)["items"]
    assert (item["check"], item["level"]) == ("controlplane", "fail")
