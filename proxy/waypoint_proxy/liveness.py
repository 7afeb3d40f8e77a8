"""Whether a client still lives, judged from what its kernel and its WebSocket show. Pure but for `vitals`.

No client has to answer a ping, and some cannot bear one (see `manners`). What is used instead:

- Its kernel acknowledges nothing, keepalive probes included: its machine is gone.
- Bytes for it do not move: nobody reads them.
- It has answered pings before and answers no more, nor sends anything: it is frozen.
- It has never answered a ping, and is silent: it gets a burst of what means nothing to it. A client that reads has its
  whole receive window back a moment later. If the window stands lower by what was sent, burst after burst, nobody
  reads. One burst proves nothing: Linux advertises the same window until what is unread exceeds some slack, and lets
  the window of a connection that has seen much data grow for a while, read or not.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

_TICKS = 32
_STUCK_TICKS = 6
_UNREAD_BURSTS = 3
_BURSTS = 3
_MOST_BURSTS = 16
_BURST = 32 * 1024
_LEAST = 1024
# Of the timeout. One that may yet answer its first ping gets as long as leaves time for the most bursts.
_SILENT = 1 / 4
_UNANSWERED = 3 / 8
# Bytes a second in two-byte frames that any client that reads at all is trusted to take.
_SLOWEST_READER = 256 * 1024
# struct tcp_info of Linux 5.4 and newer, linux/tcp.h: tcpi_last_data_recv, tcpi_last_ack_recv, tcpi_bytes_acked,
# tcpi_notsent_bytes, tcpi_snd_wnd.
_TCP_INFO = struct.Struct("=52xII60xQ16xI80xI")


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a client: seconds since its last data and its last ACK, bytes it acknowledged and that wait for
    it, its receive window, and how many pongs it has sent."""

    silent: float
    unheard: float
    acked: int
    waiting: int
    window: int
    pongs: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for an answer."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Send that many bytes that ask for nothing."""

    size: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The client is to be given up."""

    reason: str


class Liveness:
    """Judges one client every `tick` seconds; it is given up about `timeout` seconds after its last sign of life."""

    def __init__(self, timeout: float, now: float, *, pings: bool = True) -> None:
        self._pings = pings
        self.tick = timeout / _TICKS
        self._timeout = timeout
        self._limit = timeout - self.tick
        self._acked = 0
        self._moved_at = now
        self._pinged_at = now
        self._tested_at = float("-inf")
        self._burst = max(_LEAST, min(_BURST, round(_SLOWEST_READER * self.tick))) & ~1
        self._bursts = 0
        self._sent = 0
        self._window = 0
        self._unread = 0

    def judge(self, now: float, vitals: Vitals) -> Ping | Fill | Gone | None:
        """What to do about the client, seen at `now`."""
        self._follow(now, vitals)
        if vitals.unheard >= self._limit:
            return Gone("client is unreachable")
        if now - self._moved_at >= self._limit:
            return Gone("client does not read")
        if vitals.silent >= self._limit and self._frozen(now, vitals):
            return Gone("client is frozen")
        return self._test(now, vitals)

    def _follow(self, now: float, vitals: Vitals) -> None:
        if vitals.acked != self._acked or not vitals.waiting:
            self._acked = vitals.acked
            self._moved_at = now

    def _frozen(self, now: float, vitals: Vitals) -> bool:
        if self._answers(vitals):
            return self._pinged_at > now - vitals.silent
        stuck = now - self._moved_at >= _STUCK_TICKS * self.tick
        return stuck or self._unread >= _UNREAD_BURSTS

    def _test(self, now: float, vitals: Vitals) -> Ping | Fill | None:
        if vitals.waiting or vitals.silent < self._timeout * _SILENT:
            return None
        doubtful = not self._answers(vitals) and vitals.silent >= self._timeout * (
            _UNANSWERED if self._pings else _SILENT
        )
        if doubtful and self._doubted(now, vitals):
            return Fill(self._burst)
        if not self._pings or now - self._pinged_at < self._timeout * _SILENT:
            return None
        self._pinged_at = now
        return Ping()

    def _answers(self, vitals: Vitals) -> bool:
        return self._pings and vitals.pongs > 0

    def _doubted(self, now: float, vitals: Vitals) -> bool:
        """Whether a burst is due: a few in each silence and again every half timeout, more while they stay unread.

        A window that grows tells nothing either way: that burst does not count, up to a bound.
        """
        if self._bursts:
            unread = vitals.window <= self._window - self._burst * 3 // 4
            grows = vitals.window > self._window and self._sent < _MOST_BURSTS
            self._unread = self._unread + 1 if unread else 0
            self._bursts -= not (unread or grows)
        elif self._tested_at < now - vitals.silent or now - self._tested_at >= self._timeout / 2:
            self._tested_at, self._bursts, self._sent, self._unread = now, _BURSTS, 0, 0
        self._window = vitals.window
        self._sent += 1
        return self._bursts > 0


def vitals(client: socket.socket, unsent: int, pongs: int) -> Vitals:
    """Look at a client's socket; unsent is what we hold back for it ourselves. OSError when the socket is closed."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    last_data, last_ack, acked, notsent, window = _TCP_INFO.unpack_from(info)
    return Vitals(last_data / 1000, last_ack / 1000, acked, unsent + notsent, window, pongs)


def arm(client: socket.socket, timeout: float) -> None:
    """Have the kernel probe an idle client and give up one that acknowledges nothing for `timeout` seconds."""
    for level, option, value in (
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, round(timeout / 4))),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, round(timeout / 8))),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(timeout * 1000)),
    ):
        client.setsockopt(level, option, value)
