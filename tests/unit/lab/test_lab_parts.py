"""The lab's decisions: what it reads from this machine and what it writes for a host."""

import tomllib
from pathlib import Path

import pytest

from waypoint_lab import cabling, cgroups, nspawn, rootfs
from waypoint_lab.settings import render
from waypoint_lab.warm import Pool

HYBRID = """\
30 25 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
33 25 0:29 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
34 25 0:30 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
35 25 0:31 / /tmp rw - tmpfs tmpfs rw
"""


def test_hybrid_machine_gives_a_folder_in_each_hierarchy_that_units_use() -> None:
    found = {str(hierarchy.mount): hierarchy.version for hierarchy in cgroups.parse_mounts(HYBRID)}
    assert found == {
        "/sys/fs/cgroup/memory": 1,
        "/sys/fs/cgroup/cpu,cpuacct": 1,
        "/sys/fs/cgroup/systemd": 1,
        "/sys/fs/cgroup/unified": 2,
    }


def test_unified_machine_gives_one_folder() -> None:
    mounts = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    assert [hierarchy.version for hierarchy in cgroups.parse_mounts(mounts)] == [2]


def test_first_program_remounts_version_1_controllers_and_becomes_systemd() -> None:
    assert "/sys/fs/cgroup/memory /sys/fs/cgroup/cpu,cpuacct;" in rootfs.first_program(["memory", "cpu,cpuacct"])
    assert "remount" not in rootfs.first_program([])
    assert rootfs.first_program([]).endswith("exec /lib/systemd/systemd --system\n")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ({"proxy.client_timeout": "10"}, {"proxy": {"client_timeout": 10}}),
        ({"proxy.client_timeout": "0.5"}, {"proxy": {"client_timeout": 0.5}}),
        ({"agent.slots": 3, "agent.chromium": "/x"}, {"agent": {"slots": 3, "chromium": "/x"}}),
        ({"log.level": 'a"b', "agent.slots": 0}, {"log": {"level": 'a"b'}, "agent": {"slots": 0}}),
        ({"agent.browser_flags": ["--a", "--b=1"]}, {"agent": {"browser_flags": ["--a", "--b=1"]}}),
        (
            {"proxy.listen": "127.0.0.1:9222", "host.name": "1.2.3"},
            {"proxy": {"listen": "127.0.0.1:9222"}, "host": {"name": "1.2.3"}},
        ),
        ({}, {}),
    ],
)
def test_settings_read_back_as_given(given: dict[str, str], read: dict[str, object]) -> None:
    assert tomllib.loads(render(given)) == read


def test_units_that_say_where_are_enabled_and_templates_are_not(tmp_path: Path) -> None:
    units = tmp_path / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    (units / "waypoint.target").write_text("[Install]\nWantedBy=multi-user.target\n")
    (units / "waypoint-browser@.service").write_text("[Install]\nWantedBy=waypoint.target\n")
    (units / "waypoint.slice").write_text("[Slice]\n")
    (units / "getty.target").symlink_to("/dev/null")
    assert rootfs.enabled_units(tmp_path) == ["waypoint.target"]


def test_folders_that_no_system_needs_are_private(tmp_path: Path) -> None:
    for name in ("usr", "etc", "lib64", "root", "work", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin").symlink_to("usr/bin")
    assert sorted(rootfs.private_folders(tmp_path)) == ["root", "tmp", "work"]


def test_cable_has_two_addresses_and_a_black_hole_for_both_directions() -> None:
    cable = cabling.Cable("a", 7)
    assert (cable.device, cable.gateway, cable.address) == ("wpl7", "10.213.7.1", "10.213.7.2")
    rules = cabling.blackhole(cable.device)
    assert rules.count('device "wpl7" priority 0; policy drop;') == 2


def test_units_that_the_console_says_failed() -> None:
    console = (
        "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mwaypoint-agent.service\x1b[0m.\n"
        "See 'systemctl status waypoint-agent.service' for details.\n"
        "[FAILED] Failed to start dev-a\\x2db@1.device.\n"
        "[FAILED] Failed to start waypoint-agent.service.\n"
        "[  OK  ] Started dbus.service.\n"
    )
    assert nspawn.failed_units(console) == ["waypoint-agent.service", "dev-a\\x2db@1.device"]


def test_notification_is_read_by_name() -> None:
    assert nspawn.parse_notification(b"READY=1\nX_NSPAWN_LEADER_PID=42\nSTATUS=a=b\n") == {
        "READY": "1",
        "X_NSPAWN_LEADER_PID": "42",
        "STATUS": "a=b",
    }


def test_only_a_host_with_a_cable_joins_a_namespace() -> None:
    shared = nspawn.arguments("a", Path("/r"), None)
    assert not any(argument.startswith("--network") for argument in shared)
    assert "--network-namespace-path=/run/netns/n" in nspawn.arguments("a", Path("/r"), Path("/run/netns/n"))


def test_pool_follows_the_watch() -> None:
    pool = Pool()
    transcript = [
        (("PUT", "inst/a/1", '{"state":"starting"}'), set()),
        (("PUT", "inst/a/1", '{"state":"ready"}'), {"inst/a/1"}),
        (("PUT", "inst/a/2", '{"state":"claimed"}'), {"inst/a/1", "inst/a/2"}),
        (("DELETE", "inst/a/1", ""), {"inst/a/2"}),
        (("PUT", "inst/a/2", '{"state":"recycling"}'), set()),
    ]
    for lines, warm in transcript:
        for line in lines:
            pool.feed(line)
        assert pool.warm == warm


def test_folders_that_all_hosts_share_go_unless_somebody_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nspawn, "FOLDERS", tmp_path / "nspawn")
    (tmp_path / "nspawn/propagate/stranger").mkdir(parents=True)
    (tmp_path / "nspawn/locks").mkdir()
    nspawn.remove_common_folders()
    assert [path.name for path in (tmp_path / "nspawn").iterdir()] == ["propagate"]
    (tmp_path / "nspawn/propagate/stranger").rmdir()
    nspawn.remove_common_folders()
    assert not (tmp_path / "nspawn").exists()
