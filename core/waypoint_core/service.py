"""What systemd expects of a daemon: passed sockets, readiness, a watchdog, an orderly end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import sdnotify
import uvloop

from waypoint_core.errors import ConfigError

_FIRST_FD = 3
log = logging.getLogger("waypoint.service")


def passed_sockets() -> dict[str, list[socket.socket]]:
    """Sockets passed by socket activation, by their FileDescriptorName=; empty when started by hand.

    Source: sd_listen_fds_with_names(3).
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(os.environ.get("LISTEN_FDS", "0"))
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    for variable in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(variable, None)
    passed: dict[str, list[socket.socket]] = {}
    for index in range(count):
        os.set_inheritable(_FIRST_FD + index, False)
        sock = socket.socket(fileno=_FIRST_FD + index)
        sock.setblocking(False)
        passed.setdefault(names[index] if index < len(names) else "unknown", []).append(sock)
    return passed


def local_socket(passed: list[socket.socket], path: str, mode: int) -> socket.socket:
    """The socket that systemd passed, or, of a daemon started by hand, one of its own at path. OSError."""
    if passed:
        return passed[0]
    Path(path).unlink(missing_ok=True)
    own = socket.socket(socket.AF_UNIX)
    own.bind(path)
    Path(path).chmod(mode)
    return own


class Supervisor:
    """The line to systemd; says nothing when there is no systemd above.

    A daemon that serves waits for nobody: after ready() what a systemd that is frozen does not take in is left out.
    """

    def __init__(self) -> None:
        self._notifier = sdnotify.SystemdNotifier()
        self._interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6

    def ready(self, status: str) -> None:
        """The daemon serves from now on."""
        self._notifier.notify(f"READY=1\nSTATUS={status}")
        if self._notifier.socket is not None:
            self._notifier.socket.setblocking(False)

    def status(self, status: str) -> None:
        """One line for `systemctl status`."""
        self._notifier.notify(f"STATUS={status}")

    def stopping(self) -> None:
        """The daemon is on its way out; the last thing that is said."""
        self._notifier.notify("STOPPING=1")
        if self._notifier.socket is not None:
            self._notifier.socket.close()

    async def feed_watchdog(self, progressing: Callable[[], bool] = lambda: True) -> None:
        """Feed systemd's watchdog from the event loop for as long as progressing() holds; returns if there is none."""
        while self._interval:
            if progressing():
                self._notifier.notify("WATCHDOG=1")
            else:
                log.error("no progress: the watchdog is not fed")
            await asyncio.sleep(self._interval / 3)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a daemon on uvloop until it ends or SIGTERM or SIGINT cancels it.

    What is wrong with its settings is said in one line each, and it exits with 1.
    """

    async def cancellable() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)  # type: ignore[union-attr]
        with suppress(asyncio.CancelledError):
            await main

    wrong: list[str] = []
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(cancellable())
    except* ConfigError as errors:
        wrong += _messages(errors)
    for message in wrong:
        log.critical("%s", message)
    if wrong:
        sys.exit(1)


def _messages(errors: BaseExceptionGroup[ConfigError]) -> Iterator[str]:
    for error in errors.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _messages(error)
        else:
            yield str(error)
