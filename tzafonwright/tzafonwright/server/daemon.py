"""waypoint-tzafonwright: flags, the listening socket, signals, and the parts put together."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import stat
import sys
from pathlib import Path

from tzafonwright.server import systemd

try:
    from tzafonwright.server import metrics, status
    from tzafonwright.server.driver import DriverFailed, Drivers
    from tzafonwright.server.server import Server
except ModuleNotFoundError as error:
    raise SystemExit(
        f"waypoint-tzafonwright: cannot start without {error.name}: install tzafonwright[server]"
    ) from error

_DEFAULT_SOCKET = "/run/waypoint/tzafonwright.sock"
_BACKLOG = 1024
log = logging.getLogger("tzafonwright.server")


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Flags before environment before defaults."""
    get = os.environ.get
    parser = argparse.ArgumentParser(
        prog="waypoint-tzafonwright",
        description="Serves tzafonwright for every browser of this host, behind the host's proxy.",
    )
    parser.add_argument(
        "--socket",
        default=get("TZAFONWRIGHT_SOCKET", _DEFAULT_SOCKET),
        help="Unix socket to listen on, unless systemd hands one over (TZAFONWRIGHT_SOCKET, default %(default)s)",
    )
    parser.add_argument(
        "--attach-timeout",
        type=float,
        default=float(get("TZAFONWRIGHT_ATTACH_TIMEOUT", "5")),
        help="seconds that a browser may take to let the driver in (TZAFONWRIGHT_ATTACH_TIMEOUT, default %(default)s)",
    )
    parser.add_argument(
        "--status-listen",
        default=get("TZAFONWRIGHT_STATUS_LISTEN", ""),
        metavar="HOST:PORT",
        help="where to serve /metrics and /healthz, nowhere if empty (TZAFONWRIGHT_STATUS_LISTEN)",
    )
    parser.add_argument(
        "--log-level",
        default=get("TZAFONWRIGHT_LOG_LEVEL", "info"),
        choices=("debug", "info", "warning", "error"),
        help="(TZAFONWRIGHT_LOG_LEVEL, default %(default)s)",
    )
    return parser.parse_args(arguments)


def listening(path: str) -> socket.socket:
    """Only the owner and the group of the socket may connect. A socket that nobody listens on is replaced."""
    place = Path(path)
    if place.exists() and stat.S_ISSOCK(place.stat().st_mode) and not _answers(path):
        place.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        listener.bind(path)
    except OSError as error:
        listener.close()
        raise SystemExit(f"waypoint-tzafonwright: cannot listen on {path}: {error.strerror}") from error
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    return listener


async def serve(listener: socket.socket, attach_timeout: float, status_listener: socket.socket | None = None) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    registry = metrics.fresh()
    measuring = metrics.Metrics(registry)
    drivers = Drivers(measuring.driver_started)
    async with status.serving(status_listener, registry), asyncio.TaskGroup() as group:
        watchdog = group.create_task(systemd.keep_watchdog(), name="watchdog")
        try:
            await drivers.get()  # a host that cannot start one should say so now
        except DriverFailed as error:
            raise SystemExit(f"waypoint-tzafonwright: {error}") from error
        systemd.notify("READY=1")
        serving = group.create_task(Server(drivers, attach_timeout, measuring).run(listener, stop), name="server")
        await asyncio.wait([serving, group.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        systemd.notify("STOPPING=1")
        stop.set()
        await asyncio.wait([serving])
        watchdog.cancel()


def main() -> None:
    """The program."""
    chosen = options()
    logging.basicConfig(level=chosen.log_level.upper(), format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    status_listener = status.bound(chosen.status_listen)
    inherited = systemd.inherited()
    listener = inherited or listening(chosen.socket)
    try:
        asyncio.run(serve(listener, chosen.attach_timeout, status_listener))
    finally:
        if inherited is None:
            with contextlib.suppress(FileNotFoundError):
                Path(chosen.socket).unlink()


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


if __name__ == "__main__":
    main()
