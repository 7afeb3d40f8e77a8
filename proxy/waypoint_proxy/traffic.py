"""How many bytes a session's clients have sent and taken, as their kernel counts them: nothing to do for a message."""

from __future__ import annotations

import socket
import struct

# struct tcp_info of Linux 4.6 and newer, linux/tcp.h: tcpi_bytes_acked, tcpi_bytes_received.
_TCP_INFO = struct.Struct("=120xQQ")


class Traffic:
    """The connections of one session, and what those that are closed have moved."""

    def __init__(self) -> None:
        self._open: set[socket.socket] = set()
        self._from_client = 0
        self._to_client = 0

    def opened(self, client: socket.socket) -> None:
        """Count this connection too."""
        self._open.add(client)

    def closing(self, client: socket.socket) -> None:
        """Count it for the last time."""
        self._open.discard(client)
        received, sent = _moved(client)
        self._from_client += received
        self._to_client += sent

    @property
    def totals(self) -> tuple[int, int]:
        """Bytes from the clients, and bytes to them that they have acknowledged."""
        moved = [(self._from_client, self._to_client), *map(_moved, self._open)]
        return sum(received for received, _ in moved), sum(sent for _, sent in moved)


def _moved(client: socket.socket) -> tuple[int, int]:
    try:
        sent, received = _TCP_INFO.unpack(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size))
    except (OSError, struct.error):  # no TCP connection, or closed already
        return 0, 0
    return received, sent
