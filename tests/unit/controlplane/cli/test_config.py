"""waypointctl config: effective settings with their sources, and the check of a file."""

import json
from pathlib import Path

import pytest

from unit.controlplane.cli.conftest import Ctl
from unit.controlplane.cli.fake import Fleet
from waypoint_core.config import sample


@pytest.fixture
def local() -> Ctl:
    """Without any control plane: config asks none."""
    return Ctl(Fleet(), "")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "waypoint.toml"
    path.write_text(
        '[ctl]\nservers = ["cp1:50052"]\n[agent]\nslots = 9\n[etcd]\nusername = "u"\npassword_file = "/run/secret"\n'
    )
    return path


def test_show(local: Ctl, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOINT_AGENT_SLOTS", "3")
    said = local.says("config", "show", "--changed", "--config", str(file), "--tls-ca-file", "ca.crt")
    assert [line.split() for line in said.splitlines()] == [
        ["SETTING", "VALUE", "SOURCE"],
        ["etcd.username", '"u"', str(file)],
        ["etcd.password_file", '"/run/secret"', str(file)],
        ["tls.ca_file", '"ca.crt"', "--tls-ca-file"],
        ["agent.slots", "3", "WAYPOINT_AGENT_SLOTS"],
        ["ctl.servers", '["cp1:50052"]', str(file)],
    ]
    everything = json.loads(local.says("config", "show", "-o", "json"))["items"]
    assert {"setting": "agent.slots", "value": 3, "source": "WAYPOINT_AGENT_SLOTS"} in everything
    assert {"setting": "log.level", "value": "info", "source": "default"} in everything


def test_check(local: Ctl, file: Path, tmp_path: Path) -> None:
    assert local.says("config", "check", str(file)) == f"{file} is right\n"
    wrong = tmp_path / "wrong.toml"
    wrong.write_text("[agent]\nslots = -1\n")
    result = local("config", "check", str(wrong))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"waypointctl: cannot use agent.slots = -1 from {wrong}: ")
    assert local("config", "check", str(tmp_path / "missing.toml")).exit_code == 1


def test_check_is_about_the_file_alone(local: Ctl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAYPOINT_AGENT_SLOTS", "wrong")
    path = tmp_path / "sample.toml"
    path.write_text(sample())
    assert local("config", "check", str(path)).exit_code == 0
