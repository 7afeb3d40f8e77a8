"""A booted host is a real one, and leaves nothing behind."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from waypoint_lab import Host, LabError, cgroups
from waypoint_lab import record as records

NAME = "labtest"


def traces() -> list[str]:
    """Whatever on this machine bears the host's name."""
    mounts = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if NAME in line]
    spaces = [line for line in subprocess.check_output(["ip", "netns", "list"], text=True).splitlines() if NAME in line]
    folders = [str(path) for each in cgroups.hierarchies() for path in (each.mount / cgroups.PARENT).glob(f"{NAME}*")]
    kept = ("waypoint-lab", "netns", "systemd/nspawn/propagate", "systemd/nspawn/locks")
    files = [str(path) for folder in kept for path in Path("/run", folder).glob(f"*{NAME}*")]
    processes = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"waypoint-lab-{NAME}" in text:
            processes.append(text)
    return [*mounts, *spaces, *folders, *files, *processes]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host.boot(NAME, slots=0, strict=False) as booted:
        yield booted
    assert traces() == []
    if not records.find_all():
        common = [Path("/run/systemd/nspawn", name) for name in ("propagate", "locks")]
        assert [folder for folder in common if folder.is_dir() and not any(folder.iterdir())] == []


def test_systemd_runs_it(host: Host) -> None:
    assert host.run("cat", "/proc/1/comm").stdout == "systemd\n"
    assert host.run("systemctl", "is-active", "etcd.service", "dbus.socket").stdout.split() == ["active", "active"]
    assert host.run("hostname").stdout.strip() == NAME
    assert "Started etcd.service" in host.journal("etcd.service")


def test_the_machines_own_things_are_not_in_it(host: Host) -> None:
    assert host.run("ls", "-A", "/root", "/home").stdout.split() in (["/home:", "/root:"], ["/home:", "/root:", ".ssh"])
    assert host.run("cat", "/etc/machine-id").stdout != Path("/etc/machine-id").read_text()


@pytest.mark.parametrize(
    ("limit", "script"),
    [
        ("MemoryMax=50M", "python3 -c 'b\"x\" * 200_000_000'"),
        ("TasksMax=4", "for i in 1 2 3 4 5 6; do sleep 0.1 & done; wait"),
    ],
)
def test_limits_bite(host: Host, limit: str, script: str) -> None:
    unit = ("systemd-run", "--wait", "-q", "-p", "MemorySwapMax=0")
    assert host.run(*unit, "sh", "-c", script, check=False).returncode == 0
    assert host.run(*unit, "-p", limit, "sh", "-c", script, check=False).returncode != 0


def test_cpu_quota_bites(host: Host) -> None:
    assert throttled(host) == 0
    assert throttled(host, "-p", "CPUQuota=10%") > 0


def throttled(host: Host, *options: str) -> int:
    """How often the kernel has held up a unit that works."""
    work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
    own = "sed -nE 's,^[0-9]+:(cpu[a-z,]*|):,/sys/fs/cgroup/\\1,p' /proc/self/cgroup"
    unit = ("systemd-run", "--wait", "-q", "-P", *options, "sh", "-c")
    said = host.run(*unit, f"{work}; for folder in $({own}); do cat $folder/cpu.stat; done 2>/dev/null; true").stdout
    return sum(int(times) for name, times in map(str.split, said.splitlines()) if name == "nr_throttled")


def etcd_answers(host: Host, seconds: float) -> bool:
    """Asked again for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with (
            suppress(OSError),
            urllib.request.urlopen(f"http://{host.address}:2379/health", timeout=seconds) as answer,
        ):
            return b'"true"' in answer.read()
    return False


def test_cable_can_be_cut_and_mended(host: Host) -> None:
    assert etcd_answers(host, 30)
    host.unplug()
    assert not etcd_answers(host, 1)
    host.plug()
    assert etcd_answers(host, 30)


def test_a_name_is_taken_while_its_host_lives(host: Host) -> None:
    with pytest.raises(LabError, match="a host of this name is there"):
        Host.boot(NAME)
    assert host.run("true").returncode == 0


def test_down_without_a_name_leaves_a_host_in_use_alone(host: Host) -> None:
    if any(not record.in_use for record in records.find_all()):
        pytest.skip("a host that down would remove is up: make down")
    done = subprocess.run([sys.executable, "-m", "waypoint_lab", "down"], check=True, capture_output=True, text=True)
    assert f"left alone     {NAME}" in done.stdout
    assert host.run("true").returncode == 0


def test_a_failed_boot_names_the_unit_and_leaves_nothing() -> None:
    name = f"{NAME}-broken"
    with pytest.raises(LabError, match=r"waypoint-agent\.service"):
        Host.boot(name, settings={"agent.slots": "many"}, seconds=60)
    assert [trace for trace in traces() if name in trace] == []


def test_a_host_of_a_killed_process_is_removed_by_the_next_and_by_down() -> None:
    name = f"{NAME}-orphan"
    code = (
        f"import os; from waypoint_lab import Host; Host.boot('{name}', slots=0, strict=False); os.kill(os.getpid(), 9)"
    )
    for remove in ("boot", "down"):
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
        assert cgroups.processes(name)
        if remove == "boot":
            with Host.boot(name, slots=0, strict=False) as again:
                assert again.run("true").returncode == 0
        else:
            subprocess.run([sys.executable, "-m", "waypoint_lab", "down", name], check=True)
        assert records.find(name) is None
        assert [trace for trace in traces() if name in trace] == []
