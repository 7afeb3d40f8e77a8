"""The pump between real sockets: every byte arrives, frames are followed through any cut, ends are told once."""

from __future__ import annotations

import contextlib
import random
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from waypoint_proxy.frames import PING, close
from waypoint_proxy.pump import Pair, Pump

GREETING = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"
HELD_AT_MOST = 256 * 1024
SIZES = [0, 1, 125, 126, 127, 1000, 65535, 65536, 200_000]
SOON = 10.0


def frame(size: int, opcode: int = 1, *, masked: bool = False) -> bytes:
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes([0x80 | opcode, mask | size])
    elif size < 65536:
        head = bytes([0x80 | opcode, mask | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, mask | 127]) + size.to_bytes(8, "big")
    return head + bytes(4 * masked) + b"\x88" * size


class Relayed:
    """A pair on a pump, with the far end of each of its sockets."""

    def __init__(self, pump: Pump, sockets: contextlib.ExitStack) -> None:
        self.client, self._near = map(sockets.enter_context, socket.socketpair())
        self.browser, self._far = map(sockets.enter_context, socket.socketpair())
        for far in (self.client, self.browser):
            far.settimeout(SOON)
        for near in (self._near, self._far):
            near.setblocking(False)
        self.pair = Pair(pump, self._near.fileno(), self._far.fileno())
        sockets.callback(self.pair.stop)
        self.left = 0

    def start(self, down: bytes = b"", up: bytes = b"") -> None:
        self.pair.start(self._left, b"", down, up)

    def _left(self) -> None:
        self.left += 1

    def down(self, data: bytes) -> None:
        """From browser to client, waiting for it."""
        self.browser.sendall(data)
        assert receive(self.client, len(data)) == data

    def up(self, data: bytes) -> None:
        self.client.sendall(data)
        assert receive(self.browser, len(data)) == data


def receive(far: socket.socket, size: int) -> bytes:
    seen = bytearray()
    while len(seen) < size and (more := far.recv(size - len(seen))):
        seen += more
    return bytes(seen)


@pytest.fixture
def pump() -> Iterator[Pump]:
    with Pump() as pump:
        yield pump


@pytest.fixture
def relayed(pump: Pump) -> Iterator[Relayed]:
    with contextlib.ExitStack() as sockets:
        made = Relayed(pump, sockets)
        made.start()
        yield made


def hear(pump: Pump) -> None:
    """Wait for news, and have it announced."""
    assert select.select([pump.fileno()], [], [], SOON)[0]
    pump.announce()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_boundary_is_at_the_end_of_a_frame_and_nowhere_else(relayed: Relayed, size: int, masked: bool) -> None:
    data = frame(size, masked=masked)
    for cut in {*range(1, 15), len(data) // 2, len(data) - 1} & {*range(1, len(data))}:
        relayed.down(data[:cut])
        assert not relayed.pair.look().between
        assert not relayed.pair.tell(PING)
        relayed.down(data[cut:])
        assert relayed.pair.look().between


def test_any_cut_of_many_frames_ends_at_a_boundary(relayed: Relayed) -> None:
    dice = random.Random(1)
    for most, sizes in ((1, SIZES[:6]), (7, SIZES[:6]), (300, SIZES[:6]), (100_000, SIZES)):
        data, at = b"".join(frame(dice.choice(sizes), masked=dice.random() < 0.5) for _ in range(20)), 0
        while at < len(data):
            size = dice.randrange(1, most + 1)
            relayed.down(data[at : at + size])
            at += size
        seen = relayed.pair.look()
        assert (seen.between, seen.browser_closed, seen.left) == (True, False, None)


def test_control_frames_are_seen_wherever_they_stand(relayed: Relayed) -> None:
    relayed.up(frame(300) + frame(0, 0xA, masked=True) + frame(5) + frame(4, 0xA, masked=True))
    assert relayed.pair.look().pongs == 2
    assert not relayed.pair.look().client_closed
    relayed.up(close(1000, ""))
    assert relayed.pair.look().client_closed
    assert not relayed.pair.look().browser_closed


def test_payload_that_looks_like_control_frames_is_not_seen(relayed: Relayed) -> None:
    relayed.up(bytes([0x81, 100]) + b"\x88\x00\x8a\x00" * 25)
    assert not relayed.pair.look().client_closed
    assert not relayed.pair.look().pongs


def test_what_both_sides_have_said_before_goes_first(pump: Pump) -> None:
    with contextlib.ExitStack() as sockets:
        made = Relayed(pump, sockets)
        made.pair.start(made._left, GREETING, frame(3)[:2], frame(4, masked=True))
        assert receive(made.client, len(GREETING) + 2) == GREETING + frame(3)[:2]
        assert receive(made.browser, 10) == frame(4, masked=True)
        assert not made.pair.look().between
        made.down(frame(3)[2:])
        assert made.pair.look().between


def test_frames_of_ours_stand_between_frames_in_order(relayed: Relayed) -> None:
    relayed.down(frame(5))
    assert relayed.pair.tell(PING * 3)
    relayed.browser.sendall(frame(7))
    assert receive(relayed.client, 15) == PING * 3 + frame(7)


def test_nothing_of_ours_follows_a_close(relayed: Relayed) -> None:
    relayed.down(close(1000, ""))
    assert not relayed.pair.tell(PING)


def test_floods_both_ways_arrive_whole(relayed: Relayed) -> None:
    data = random.Random(2).randbytes(24 << 20)
    arrived: dict[str, bytes] = {}

    def take(name: str, far: socket.socket) -> None:
        arrived[name] = receive(far, len(data))

    threads = [
        threading.Thread(target=relayed.client.sendall, args=(data,)),
        threading.Thread(target=relayed.browser.sendall, args=(data,)),
        threading.Thread(target=take, args=("down", relayed.client)),
        threading.Thread(target=take, args=("up", relayed.browser)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert arrived["down"] == data
    assert arrived["up"] == data


def test_a_side_that_takes_nothing_stops_the_other_and_nobody_else(pump: Pump, relayed: Relayed) -> None:
    relayed.browser.setblocking(False)
    flood, sent = frame(1 << 20), 0
    while select.select([], [relayed.browser], [], 0.2)[1] or not (held := relayed.pair.look().waiting):
        with contextlib.suppress(BlockingIOError):
            sent += relayed.browser.send(flood[sent % len(flood) :])
        assert sent < 64 << 20, "a client that reads nothing does not stop the browser"
    relayed.browser.settimeout(SOON)
    assert held <= HELD_AT_MOST
    with contextlib.ExitStack() as sockets:
        other = Relayed(pump, sockets)
        other.start()
        other.down(frame(1000))
    relayed.up(frame(10))
    whole = (flood * (sent // len(flood) + 1))[:sent]
    assert receive(relayed.client, sent) == whole
    relayed.down(flood[sent % len(flood) :])
    assert relayed.pair.look().between
    assert relayed.pair.look().waiting == 0


def test_what_is_told_while_bytes_are_held_comes_after_them(relayed: Relayed) -> None:
    burst = 0
    while not (held := relayed.pair.look().waiting):
        assert relayed.pair.tell(PING * 1000)
        burst += 1000
    assert relayed.pair.tell(PING * 5)
    assert relayed.pair.look().waiting == held + 10
    assert receive(relayed.client, 2 * (burst + 5)) == PING * (burst + 5)


def test_client_that_leaves_is_told_once(pump: Pump, relayed: Relayed) -> None:
    relayed.client.close()
    hear(pump)
    assert (relayed.left, relayed.pair.look().left) == (1, "client")
    relayed.browser.close()
    relayed.pair.stop()
    assert not select.select([pump.fileno()], [], [], 0)[0]
    assert relayed.pair.look().left == "client"


def test_browser_that_leaves_is_told_once_after_its_last_words(pump: Pump, relayed: Relayed) -> None:
    relayed.browser.sendall(frame(100))
    relayed.browser.close()
    hear(pump)
    assert (relayed.left, relayed.pair.look().left) == (1, "browser")
    assert receive(relayed.client, 102) == frame(100)


def test_browser_that_takes_no_more_is_heard_out(pump: Pump, relayed: Relayed) -> None:
    relayed.browser.shutdown(socket.SHUT_RD)
    relayed.client.sendall(frame(10))
    relayed.down(frame(100))
    relayed.browser.close()
    hear(pump)
    assert relayed.pair.look().left == "browser"


def test_client_that_takes_no_more_has_left(pump: Pump, relayed: Relayed) -> None:
    relayed.client.shutdown(socket.SHUT_RD)
    relayed.browser.sendall(frame(10))
    hear(pump)
    assert relayed.pair.look().left == "client"


def test_a_socket_that_cannot_be_watched_has_left(pump: Pump, relayed: Relayed, tmp_path: Path) -> None:
    with (tmp_path / "no socket").open("w") as file:
        heard: list[str] = []
        pair = Pair(pump, relayed.browser.fileno(), file.fileno())
        pair.start(lambda: heard.append("left"), b"", b"", b"")
        hear(pump)
        assert (heard, pair.look().left) == (["left"], "browser")
        pair.stop()


def test_after_stop_nothing_moves_and_the_rest_is_kept(pump: Pump, relayed: Relayed) -> None:
    told = 0
    while not relayed.pair.look().waiting:
        assert relayed.pair.tell(PING * 1000)
        told += 2000
    waiting = relayed.pair.look().waiting
    relayed.pair.stop()
    relayed.pair.stop()
    assert not relayed.pair.tell(PING)
    relayed.browser.sendall(frame(10))
    assert receive(relayed.client, told - waiting) == (PING * told)[: told - waiting]
    assert relayed.pair.rest() == (PING * told)[-waiting:]
    relayed.client.close()
    with Pump():
        assert not select.select([pump.fileno()], [], [], 0)[0]
    assert relayed.left == 0


def test_many_ends_at_once_are_all_told(pump: Pump) -> None:
    with contextlib.ExitStack() as sockets:
        many = [Relayed(pump, sockets) for _ in range(1000)]
        for each in many:
            each.start()
        for each in many:
            (each.client if id(each) % 2 else each.browser).close()
        while not all(each.left for each in many):
            hear(pump)
        assert {each.left for each in many} == {1}


def test_pairs_come_and_go_under_traffic(pump: Pump) -> None:
    dice = random.Random(3)
    with contextlib.ExitStack() as lasting:
        flood = Relayed(pump, lasting)
        flood.start()
        data = dice.randbytes(48 << 20)
        arrived: list[bytes] = []
        taking = threading.Thread(target=lambda: arrived.append(receive(flood.client, len(data))))
        sending = threading.Thread(target=flood.browser.sendall, args=(data,))
        taking.start()
        sending.start()
        while sending.is_alive():
            with contextlib.ExitStack() as sockets:
                few = [Relayed(pump, sockets) for _ in range(dice.randrange(1, 20))]
                for each in few:
                    each.start(down=frame(dice.randrange(300)))
                for each in few:
                    each.browser.sendall(frame(dice.randrange(70_000)))
                    dice.choice([each.client.close, each.browser.close, each.pair.stop, lambda: None])()
        sending.join()
        taking.join()
        assert arrived == [data]


def test_a_pump_can_be_left_and_entered_again(pump: Pump, relayed: Relayed) -> None:
    pump.__exit__()
    relayed.browser.sendall(frame(9))
    pump.__enter__()
    assert receive(relayed.client, 11) == frame(9)


def test_a_pair_that_is_forgotten_moves_nothing_and_harms_nobody(pump: Pump, relayed: Relayed) -> None:
    with contextlib.ExitStack() as sockets:
        client, near = map(sockets.enter_context, socket.socketpair())
        browser, far = map(sockets.enter_context, socket.socketpair())
        Pair(pump, near.fileno(), far.fileno()).start(lambda: None, b"", b"", b"")
        client.sendall(frame(3))
        browser.sendall(frame(3))
        relayed.down(frame(100))
        assert not select.select([pump.fileno()], [], [], 0)[0]
