"""What systemd passes to a daemon, and what the daemon tells it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from waypoint_core.service import Supervisor, passed_sockets


@pytest.fixture
def notify_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return receiver


def test_sockets_for_another_process_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", "1")
    monkeypatch.setenv("LISTEN_FDS", "1")
    assert passed_sockets() == {}


def test_passed_sockets_have_their_names() -> None:
    program = (
        "import os; os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "from waypoint_core.service import passed_sockets\n"
        "print({name: [s.getsockname()[1] for s in got] for name, got in passed_sockets().items()})"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        shell = f'exec 3<&{listener.fileno()}; exec {sys.executable} -c "$PROGRAM"'
        environment = os.environ | {"PROGRAM": program, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "cdp"}
        done = subprocess.run(
            ["bash", "-c", shell],
            env=environment,
            pass_fds=[listener.fileno()],
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout.strip() == f"{{'cdp': [{port}]}}"


def test_readiness(notify_socket: socket.socket) -> None:
    with notify_socket:
        supervisor = Supervisor()
        supervisor.ready("4 slots")
        supervisor.stopping()
        assert notify_socket.recv(100) == b"READY=1\nSTATUS=4 slots"
        assert notify_socket.recv(100) == b"STOPPING=1"


def test_a_frozen_systemd_holds_up_nobody(notify_socket: socket.socket) -> None:
    with notify_socket:
        supervisor = Supervisor()
        supervisor.ready("4 slots")
        for _ in range(int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text()) + 10):
            supervisor.status("5 slots")
        supervisor.stopping()
        assert notify_socket.recv(100) == b"READY=1\nSTATUS=4 slots"
        assert notify_socket.recv(100) == b"STATUS=5 slots"


async def test_the_watchdog_is_fed_only_while_there_is_progress(
    notify_socket: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000")
    asked = asyncio.Queue[None]()
    answers = iter([True, False, False])

    def progressing() -> bool:
        asked.put_nowait(None)
        return next(answers, False)

    supervisor = Supervisor()
    with notify_socket:
        notify_socket.setblocking(False)
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(supervisor.feed_watchdog(progressing))
            for _ in range(3):
                await asked.get()
            feeding.cancel()
        supervisor.stopping()
        assert [notify_socket.recv(100) for _ in range(2)] == [b"WATCHDOG=1", b"STOPPING=1"]


def test_a_daemon_ends_in_order_on_sigterm() -> None:
    program = (
        "import asyncio\nfrom waypoint_core import service\n"
        "async def main():\n"
        "    try:\n        print('up', flush=True); await asyncio.Event().wait()\n"
        "    finally:\n        print('down', flush=True)\n"
        "service.run(main())"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "up\n"
        daemon.send_signal(signal.SIGTERM)
        assert daemon.stdout.read() == "down\n"
    assert daemon.returncode == 0
