"""Who listens on a port that a host on the machine's network needs."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

from waypoint_lab.errors import LabError


def check_free(ports: Iterable[int]) -> None:
    """LabError that names each process which listens on one of the ports."""
    wanted = set(ports)
    busy = {
        connection.laddr.port: connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in wanted
    }
    if busy:
        lines = "\n".join(f"  port {port}: {_owner(pid)}" for port, pid in sorted(busy.items()))
        raise LabError(f"cannot boot on this machine's network, these ports are taken; end who holds them:\n{lines}")


def _owner(pid: int | None) -> str:
    if pid is None:
        return "a process that cannot be seen from here"
    try:
        process = psutil.Process(pid)
        return f"{process.name()}, process {pid}: {' '.join(process.cmdline())[:100]}"
    except psutil.NoSuchProcess:
        return f"process {pid}, which has just ended: try again"
