"""The relay beside HAProxy (TCP mode, one thread), in turns on one machine: python tests/bench/relay.py.

A client asks over WebSocket-framed connections, a server answers each question with a frame of a given size. Rate
and latency include both of them and the machine's mood; CPU time per message is the proxy's own, read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop

QUESTION = b"\x81\x80abcd"
# Short turns: the speed of a shared machine moves more in seconds than what is compared.
ROUNDS = 16
SECONDS = 0.6
CASES = ((100, 16, "100 B, 16 connections"), (100, 1, "100 B, 1 connection"), (1_000_000, 1, "1 MB, 1 connection"))
HAPROXY = """
global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1m
  timeout server 1m
listen relay
  bind fd@{listen}
  server s 127.0.0.1:{target}
"""


@dataclass(frozen=True)
class Result:
    """Messages a second, median and 99th percentile of the latency, and the proxy's CPU time a message."""

    rate: float
    p50: float
    p99: float
    cpu: float


def main() -> None:
    if not shutil.which("haproxy"):
        sys.exit("cannot compare: haproxy is not installed")
    for size, connections, title in CASES:
        with (
            running(role("echo", size)) as (_, echo),
            running(role("ours", echo)) as (our_pid, ours),
            running(haproxy(echo)) as (their_pid, theirs),
        ):
            both = [
                (measure(our_pid, ours, connections, size), measure(their_pid, theirs, connections, size))
                for _ in range(ROUNDS)
            ]
        show(title, median([a for a, _ in both]), median([b for _, b in both]))


def show(title: str, ours: Result, theirs: Result) -> None:
    print(f"{title:24}{'WayPoint':>12}{'HAProxy':>12}{'ratio':>8}")
    for what, unit, name, scale in (
        ("messages/s", "", "rate", 1.0),
        ("latency p50", "us", "p50", 1e6),
        ("latency p99", "us", "p99", 1e6),
        ("proxy CPU per message", "us", "cpu", 1e6),
    ):
        a, b = getattr(ours, name) * scale, getattr(theirs, name) * scale
        print(f"  {what + ' ' + unit:22}{a:12.1f}{b:12.1f}{a / b:8.2f}", flush=True)


def median(results: list[Result]) -> Result:
    fields = ("rate", "p50", "p99", "cpu")
    return Result(*(statistics.median(getattr(result, field) for result in results) for field in fields))


def measure(pid: int, port: int, connections: int, size: int) -> Result:
    before = cpu_seconds(pid)
    latencies = load(port, connections, size)
    spent = cpu_seconds(pid) - before
    ordered = sorted(latencies)
    count = len(ordered)
    return Result(count / SECONDS, ordered[count // 2], ordered[count * 99 // 100], spent / count)


def load(port: int, connections: int, size: int) -> list[float]:
    """Each connection asks anew as soon as it is answered; returns the time each answer took."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(connections)]
    poll = select.epoll()
    for client in clients:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(client, select.EPOLLIN)
    by_fd = {client.fileno(): client for client in clients}
    missing = dict.fromkeys(by_fd, size)  # our relay's first ping, two bytes ahead, makes no difference
    asked = dict.fromkeys(by_fd, time.perf_counter())
    for client in clients:
        client.sendall(QUESTION)
    buffer, latencies, end = bytearray(1 << 20), [], time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        for fd, _ in poll.poll(0.1):
            missing[fd] -= by_fd[fd].recv_into(buffer)
            if missing[fd] <= 0:
                now = time.perf_counter()
                latencies.append(now - asked[fd])
                missing[fd], asked[fd] = missing[fd] + size, now
                by_fd[fd].send(QUESTION)
    for client in clients:
        client.close()
    return latencies


def echo(listen: int, size: int) -> None:
    answer = frame(size)
    listener = socket.socket(fileno=listen)
    poll = select.epoll()
    poll.register(listener, select.EPOLLIN)
    peers: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poll.poll():
            if fd == listener.fileno():
                peer, _ = listener.accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peers[peer.fileno()] = peer
                poll.register(peer, select.EPOLLIN)
            elif not answered(peers[fd], answer):
                poll.unregister(fd)
                peers.pop(fd).close()


def answered(peer: socket.socket, answer: bytes) -> bool:
    try:
        if not peer.recv(4096):
            return False
        peer.sendall(answer)
    except OSError:
        return False
    return True


def frame(size: int) -> bytes:
    """One frame of this many bytes, header included."""
    for width, head in ((2, b"\x81"), (4, b"\x81\x7e"), (10, b"\x81\x7f")):
        payload = size - width
        if width == 2 and payload < 126:
            return head + bytes([payload]) + bytes(payload)
        if width == 4 and 126 <= payload < 65536:
            return head + payload.to_bytes(2, "big") + bytes(payload)
        if width == 10 and payload >= 65536:
            return head + payload.to_bytes(8, "big") + bytes(payload)
    raise ValueError(f"no frame is {size} bytes long")


async def relay(listen: int, target: int) -> None:
    from waypoint_proxy.manners import at_cdp
    from waypoint_proxy.pump import Pump
    from waypoint_proxy.relay import Relay, relaying

    pump, quiet = Pump(), at_cdp({})
    loop = asyncio.get_running_loop()

    async def one(client: socket.socket) -> None:
        with client, socket.socket() as server:
            server.setblocking(False)
            await loop.sock_connect(server, ("127.0.0.1", target))
            for sock in (client, server):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await Relay(pump, client, server, quiet, 60.0).run(b"")

    listener = socket.socket(fileno=listen)
    listener.setblocking(False)
    async with relaying(pump), asyncio.TaskGroup() as group:
        while True:
            client, _ = await loop.sock_accept(listener)
            client.setblocking(False)
            group.create_task(one(client))


Start = Callable[[int], contextlib.AbstractContextManager[list[str]]]
"""The command line of a program that serves on a listening socket, by its descriptor."""


@contextlib.contextmanager
def running(start: Start) -> Iterator[tuple[int, int]]:
    """Process id and port of a program. It gets its socket listening, so that nobody has to wait for it."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener, start(listener.fileno()) as command:
        port = listener.getsockname()[1]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as process:
            listener.close()
            try:
                yield process.pid, port
            finally:
                process.kill()


def role(name: str, number: int) -> Start:
    """This file as another program."""
    return lambda listen: contextlib.nullcontext([sys.executable, __file__, name, str(listen), str(number)])


def haproxy(target: int) -> Start:
    """HAProxy before the target."""

    @contextlib.contextmanager
    def configured(listen: int) -> Iterator[list[str]]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "haproxy.cfg")
            file.write_text(HAPROXY.format(listen=listen, target=target))
            yield ["haproxy", "-q", "-f", str(file)]

    return configured


def cpu_seconds(pid: int) -> float:
    """Of all its threads."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", nargs="?", choices=["echo", "ours"], help="internal")
    parser.add_argument("numbers", nargs="*", type=int)
    given = parser.parse_args()
    if given.role == "echo":
        echo(*given.numbers)
    elif given.role == "ours":
        uvloop.run(relay(*given.numbers))
    else:
        main()
