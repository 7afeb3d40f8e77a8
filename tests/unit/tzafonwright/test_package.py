"""What clients install stands alone; what is generated is up to date; what systemd is told."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tzafonwright.server import systemd
from tzafonwright.server.daemon import options
from tzafonwright.server.listeners import safe
from tzafonwright.server.server import _is_local

ROOT = Path(__file__).parents[3]


def test_sync_is_generated_from_client() -> None:
    subprocess.run([sys.executable, ROOT / "tzafonwright/generate-sync", "--check"], check=True)


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("tzafonwright, tzafonwright.sync", ("playwright", "tzafonwright.server", "waypoint_core")),
        ("tzafonwright.server.daemon", ("waypoint_core", "waypoint_proxy", "waypoint_agent", "waypoint_controlplane")),
    ],
)
def test_imports(imported: str, absent: tuple[str, ...]) -> None:
    code = f"import sys, {imported}; sys.exit(bool({absent!r} & sys.modules.keys()))".replace(
        repr(absent), repr(set(absent))
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    systemd.notify("READY=1")  # nobody asked
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        systemd.notify("READY=1")
        assert there.recv(100) == b"READY=1"


def test_sockets_meant_for_another_process_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_FDS", "1")
    monkeypatch.setenv("LISTEN_PID", str(os.getpid() + 1))
    assert systemd.inherited() is None


def test_a_listener_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    safe(lambda: 1 / 0)()
    assert "cannot take an event of the browser" in caplog.text


def test_flags_before_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZAFONWRIGHT_SOCKET", "/there")
    monkeypatch.setenv("TZAFONWRIGHT_ATTACH_TIMEOUT", "3")
    assert options([]).socket == "/there"
    assert options(["--socket", "/here"]).socket == "/here"
    assert options([]).attach_timeout == 3


@pytest.mark.parametrize(
    ("endpoint", "local"),
    [
        ("ws://127.0.0.1:9222/devtools/browser/x", True),
        ("ws://[::1]:9222/devtools/browser/x", True),
        ("ws://10.0.0.1:9222/devtools/browser/x", False),
        ("ws://127.0.0.1.example:9222/", False),
        ("wss://127.0.0.1/", False),
        ("chrome", False),
        ("", False),
    ],
)
def test_browsers_of_this_machine(endpoint: str, local: bool) -> None:
    assert _is_local(endpoint) is local
