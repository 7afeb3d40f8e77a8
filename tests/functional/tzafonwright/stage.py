"""A real server on a Unix socket, and an edge that stands for the proxy: it names the browser and splices bytes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from functional.browser.launcher import Browser

_START_TIMEOUT = 20.0


@dataclass
class Daemon:
    """waypoint-tzafonwright as a process."""

    process: subprocess.Popen[bytes]
    path: str

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def drivers(self) -> list[int]:
        """Process ids of its children."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]


@contextlib.contextmanager
def daemon(folder: Path, *flags: str, **variables: str) -> Iterator[Daemon]:
    path = str(folder / "tzafonwright.sock")
    command = [sys.executable, "-W", "error", "-m", "tzafonwright.server.daemon", "--socket", path, *flags]
    environment = {key: value for key, value in os.environ.items() if key not in {"LISTEN_PID", "WATCHDOG_USEC"}}
    # What its drivers leave behind when they are killed goes with the test.
    environment |= {"NOTIFY_SOCKET": str(folder / "notify"), "TMPDIR": str(folder)} | variables
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        (folder / "log").open("wb") as log,
        contextlib.ExitStack() as stack,
    ):
        notify.bind(environment["NOTIFY_SOCKET"])
        notify.settimeout(_START_TIMEOUT)
        process = stack.enter_context(subprocess.Popen(command, env=environment, stderr=log))
        try:
            _await_ready(notify, process, folder / "log")
            yield Daemon(process, path)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def endpoint(browser: Browser) -> str:
    """Where the browser's DevTools listen."""
    with urllib.request.urlopen(f"{browser.url}/json/version") as answer:
        return str(json.load(answer)["webSocketDebuggerUrl"])


class Edge:
    """Listens where clients connect."""

    def __init__(self, path: str, endpoint: str) -> None:
        self.path = path
        self.endpoint = endpoint
        self.url = ""
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        kept = [line for line in head.split(b"\r\n") if line and not line.lower().startswith(b"x-waypoint-")]
        named = [b"X-WayPoint-Endpoint: " + self.endpoint.encode(), b"X-WayPoint-Instance: browser-of-the-test"]
        there_reader, there = await asyncio.open_unix_connection(self.path)
        there.write(b"\r\n".join([*kept, *named]) + b"\r\n\r\n")
        self._writers |= {writer, there}
        async with asyncio.TaskGroup() as group:
            group.create_task(_splice(reader, there))
            group.create_task(_splice(there_reader, writer))

    def cut(self) -> None:
        """As a cable is."""
        for writer in self._writers:
            writer.transport.abort()


@contextlib.asynccontextmanager
async def edge(path: str, endpoint: str) -> AsyncIterator[Edge]:
    made = Edge(path, endpoint)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        made.cut()


async def _splice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(256 * 1024):
            writer.write(data)
            await writer.drain()
    writer.close()


def _await_ready(there: socket.socket, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it says that it serves, and its driver runs."""
    try:
        while b"READY=1" not in there.recv(4096).split(b"\n"):
            pass
    except TimeoutError:
        raise TimeoutError(f"the server did not come up: {process.poll()}: {log.read_text()}") from None
