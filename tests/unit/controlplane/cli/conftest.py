"""waypointctl against a control plane in this process."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from unit.controlplane.cli.fake import NOW, Fleet, serving
from waypoint_controlplane.cli import cells, connection
from waypoint_controlplane.cli.program import program


@dataclass
class Ctl:
    """Runs commands, each as a shell would, with time to answer."""

    fleet: Fleet
    server: str

    def __call__(self, *words: str, typed: str = "") -> Result:
        return CliRunner().invoke(program, ["--timeout", "60s", *words], input=typed, prog_name="waypointctl")

    def says(self, *words: str) -> str:
        """Standard output of a command that must succeed."""
        result = self(*words)
        assert result.exit_code == 0, result.output
        return result.stdout


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No settings of this machine; it is NOW, and everybody's clock shows UTC; who is slow to answer is waited for."""
    for name in [name for name in os.environ if name.startswith("WAYPOINT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr("waypoint_core.config.DEFAULT_FILE", tmp_path / "none.toml")
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("SUDO_USER", "ann")
    clock = SimpleNamespace(time=lambda: NOW, strftime=time.strftime, localtime=time.localtime)
    monkeypatch.setattr(cells, "time", clock)  # and no other's: gRPC counts its deadlines by it
    monkeypatch.setattr(connection, "_CONNECT", 60.0)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def ctl(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ctl]:
    with serving(fleet) as server:
        monkeypatch.setenv("WAYPOINT_CTL_SERVERS", server)
        yield Ctl(fleet, server)


@pytest.fixture
def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to make standard output and input a terminal for the commands that follow."""

    def pretend() -> None:
        from click.testing import _NamedTextIOWrapper

        monkeypatch.setattr(_NamedTextIOWrapper, "isatty", lambda _: True)

    return pretend
