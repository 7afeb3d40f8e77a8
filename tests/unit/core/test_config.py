"""Settings: who wins, and what a wrong one is told."""

import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from waypoint_core import config
from waypoint_core.errors import ConfigError
from waypoint_core.settings import Settings


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine, and a host name that keys can hold."""
    for name in [name for name in os.environ if name.startswith("WAYPOINT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(config, "DEFAULT_FILE", tmp_path / "none.toml")
    monkeypatch.setattr(socket, "gethostname", lambda: "a")


def load(tmp_path: Path, text: str = "", flags: dict[str, str] | None = None, **environment: str) -> Settings:
    file = tmp_path / "waypoint.toml"
    file.write_text(text)
    return config.load(file, flags, environment)


def test_defaults(tmp_path: Path) -> None:
    assert load(tmp_path) == Settings()


def test_flag_wins_over_environment_wins_over_file(tmp_path: Path) -> None:
    file = "[agent]\nslots = 1\nmax_age = 1\nprobe_interval = 1\n"
    settings = load(
        tmp_path,
        file,
        {"agent.probe_interval": "3"},
        WAYPOINT_AGENT_MAX_AGE="2",
        WAYPOINT_AGENT_PROBE_INTERVAL="2",
    )
    assert (settings.agent.slots, settings.agent.max_age, settings.agent.probe_interval) == (1, 2.0, 3.0)


def test_lists_and_labels_from_text(tmp_path: Path) -> None:
    settings = load(tmp_path, WAYPOINT_ETCD_ENDPOINTS="http://a:1, http://b:2", WAYPOINT_HOST_LABELS="zone=x,rack=7")
    assert settings.etcd.endpoints == ("http://a:1", "http://b:2")
    assert settings.host.labels == {"zone": "x", "rack": "7"}


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        (
            "[agent]\nslots = 'many'",
            {},
            "cannot use agent.slots = 'many' from .*waypoint.toml: Expected `int`",
        ),
        ("[agent]\nslots = -1", {}, "cannot use agent.slots = -1 from .*waypoint.toml: Expected `int` >= 0"),
        ("", {"WAYPOINT_AGENT_SLOTS": "4x"}, "cannot use agent.slots = '4x' from WAYPOINT_AGENT_SLOTS"),
        ("[agent]\nslotz = 1", {}, "there is no such setting; did you mean agent.slots?"),
        ("slots = 1", {}, "cannot use slots from .*: settings stand in sections such as"),
        ("[agent\nslots = 1", {}, "cannot read .*waypoint.toml: "),
        ("[proxy]\nlisten = '9222'", {}, "cannot use proxy.listen = '9222'"),
        ("[log]\nlevel = 'loud'", {}, "cannot use log.level = 'loud'"),
        (
            "",
            {"WAYPOINT_HOST_NAME": "a_b"},
            "cannot use host.name = 'a_b' from WAYPOINT_HOST_NAME: it is not a name of",
        ),
        ("[proxy]\nname = 'A'", {}, "cannot use proxy.name = 'A' from .*: it is not a name of lower-case letters"),
        ("[controlplane]\nname = ''", {}, "cannot use controlplane.name = ''"),
        ("[etcd]\nprefix = '/w/v1'", {}, "cannot use etcd.prefix = '/w/v1' from .*: it is not a path that begins"),
        ("[etcd]\nprefix = 'w/v1/'", {}, "cannot use etcd.prefix = 'w/v1/'"),
        ("[etcd]\nprefix = ''", {}, "cannot use etcd.prefix = ''"),
        ('[etcd]\nprefix = "/w/\\n"', {}, r"cannot use etcd.prefix = '/w/\\n'"),
        ("[etcd]\nlease_ttl = inf", {}, "cannot use etcd.lease_ttl = inf from .*: Expected `float` <= 3600"),
        ("[etcd]\nattempt_timeout = 1e9", {}, "cannot use etcd.attempt_timeout = 1000000000.0"),
        ("", {"WAYPOINT_CONTROLPLANE_LEASE_TTL": "1e12"}, "cannot use controlplane.lease_ttl = '1e12'"),
        ("[controlplane]\nbeat_ttl = inf", {}, "cannot use controlplane.beat_ttl = inf"),
        ("[proxy]\nlisten = '[::]:65536'", {}, "cannot use proxy.listen = .*: it is not host:port, .* up to 65535"),
        ("[agent]\nstatus_listen = '::1:1'", {}, "cannot use agent.status_listen = '::1:1'"),
        ("[host]\ntzafonwright_status = 'a:99999'", {}, "cannot use host.tzafonwright_status = 'a:99999'"),
        (
            "",
            {"WAYPOINT_CTL_SERVERS": "a:1,b:99999"},
            "cannot use ctl.servers = .*'b:99999'.*: one of them is not host",
        ),
        (
            "[etcd]\nendpoints = ['http://a:1', 'http://::1:2379']",
            {},
            "cannot use etcd.endpoints = .*: one of them is not http",
        ),
        ("[etcd]\nendpoints = ['http://a:99999']", {}, "cannot use etcd.endpoints = .*'http://a:99999'"),
        (
            "[agent]\nbrowser_port = 65500\nslots = 37",
            {},
            "cannot use agent.browser_port = 65500 with agent.slots = 37: the last slot's port would be 65536",
        ),
        (
            "[agent]\ndesktop_port = 65500\nslots = 37\ndesktop = true",
            {},
            "cannot use agent.desktop_port = 65500 with agent.slots = 37",
        ),
        (
            "[agent]\ndesktop_port = 20003\nslots = 4\ndesktop = true",
            {},
            "cannot use agent.browser_port = 20000 with agent.desktop_port = 20003: .* agent.slots = 4; set them",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_source(
    tmp_path: Path, text: str, environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, text, **environment)


@pytest.mark.parametrize(
    "text",
    [
        "[agent]\nbrowser_port = 65500\nslots = 36",
        "[agent]\nbrowser_port = 65535\nslots = 0",
        "[agent]\ndesktop_port = 19996\nslots = 4\ndesktop = true",
        "[agent]\ndesktop_port = 20001",
        "[etcd]\nprefix = '/'\nlease_ttl = 3600",
        "[etcd]\nendpoints = ['https://[::1]:2379', 'a.b:1']",
        "[host]\ntzafonwright_status = ''\nname = 'a-1.b'",
        "[proxy]\nlisten = '[::]:0'",
    ],
)
def test_what_is_just_right(tmp_path: Path, text: str) -> None:
    load(tmp_path, text)


def test_a_file_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        config.load(tmp_path / "absent.toml")


def test_every_row_has_help_and_a_default_that_its_own_type_accepts() -> None:
    for row in config.table():
        assert row.help
        assert (
            row.convert(list(row.default) if isinstance(row.default, tuple) else row.default, "default") == row.default
        )


def test_the_sample_names_every_setting_and_changes_nothing(tmp_path: Path) -> None:
    sample = config.sample()
    assert all(f"# {row.name} = " in sample for row in config.table())
    assert load(tmp_path, sample) == Settings()


def test_the_sample_uncommented_is_the_defaults(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ") if " = " in line else line for line in config.sample().splitlines()]
    text = "\n".join(line for line in lines if '"…"' not in line)
    assert load(tmp_path, text) == Settings()


def test_the_shipped_sample_is_current() -> None:
    shipped = Path(__file__).parents[3] / "packaging" / "waypoint.toml"
    assert shipped.read_text() == config.sample(), "run: make sample"


def test_a_daemon_takes_every_setting_as_a_flag() -> None:
    seen: list[Settings] = []
    command = config.daemon_command("waypoint-test", seen.append)
    result = CliRunner().invoke(command, ["--agent-slots", "9", "--proxy-listen", "0.0.0.0:1"])
    assert result.exit_code == 0, result.output
    assert (seen[0].agent.slots, seen[0].proxy.listen) == (9, "0.0.0.0:1")


def test_a_daemon_says_what_is_wrong_and_exits() -> None:
    result = CliRunner().invoke(config.daemon_command("waypoint-test", print), ["--agent-slots", "none"])
    assert result.exit_code == 1
    assert "cannot use agent.slots = 'none' from flag --agent-slots" in result.output


def test_a_daemon_goes_by_no_machine_name_that_keys_cannot_hold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "My_Laptop")
    load(tmp_path)  # which is all that waypointctl does
    seen: list[Settings] = []
    command = config.daemon_command("waypoint-proxy", seen.append)
    for arguments, wrong in ([], "host.name"), (["--host-name", "a"], "proxy.name"):
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 1
        assert f"cannot use {wrong} = 'my_laptop' from the machine's host name, since {wrong} is not" in result.output
    assert CliRunner().invoke(command, ["--host-name", "a", "--proxy-name", "b"]).exit_code == 0
    assert [each.proxy.name for each in seen] == ["b"]
