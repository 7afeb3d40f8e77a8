"""What systemd and a daemon say to each other: sockets that it hands over, and how the daemon is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket

_FIRST = 3


def inherited() -> socket.socket | None:
    """The listening socket of socket activation, if there is one for this process."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or not int(os.environ.get("LISTEN_FDS", "0")):
        return None
    listener = socket.socket(fileno=_FIRST)
    listener.set_inheritable(False)
    listener.setblocking(False)
    return listener


def notify(state: str) -> None:
    """Such as "READY=1"; nothing where nobody asked for it."""
    if place := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there, contextlib.suppress(OSError):
            there.sendto(state.encode(), "\0" + place[1:] if place.startswith("@") else place)


async def keep_watchdog() -> None:
    """Shows systemd that the loop runs, as often as it wants to know."""
    interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6
    while interval:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval / 3)
