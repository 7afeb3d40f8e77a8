"""Frame boundaries, followed through any cut of the stream."""

import random

import pytest

from waypoint_proxy.frames import PING, Follower, close


def frame(size: int, opcode: int = 1, *, masked: bool = False) -> bytes:
    mask = 0x80 if masked else 0
    if size < 126:
        head = bytes([0x80 | opcode, mask | size])
    elif size < 65536:
        head = bytes([0x80 | opcode, mask | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([0x80 | opcode, mask | 127]) + size.to_bytes(8, "big")
    return head + bytes(4 * masked) + b"\x88" * size


SIZES = [0, 1, 125, 126, 127, 1000, 65535, 65536, 200_000]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_boundary_is_at_the_end_of_a_frame_and_nowhere_else(size: int, masked: bool) -> None:
    data = frame(size, masked=masked)
    for cut in {1, 2, 3, len(data) // 2, len(data) - 1} & {*range(1, len(data))}:
        follower = Follower()
        follower.feed(data, cut)
        assert not follower.at_boundary
        follower.feed(data[cut:], len(data) - cut)
        assert follower.at_boundary


def test_any_cut_of_many_frames_ends_at_a_boundary() -> None:
    dice = random.Random(1)
    data = b"".join(frame(dice.choice(SIZES[:-1]), masked=dice.random() < 0.5) for _ in range(20))
    for most in (1, 7, 300, 100_000):
        follower, at = Follower(), 0
        while at < len(data):
            size = dice.randrange(1, most + 1)
            follower.feed(data[at : at + size], min(size, len(data) - at))
            at += size
        assert follower.at_boundary
        assert not follower.closed
        assert not follower.pongs


def test_only_the_given_part_of_a_buffer_is_followed() -> None:
    follower = Follower()
    follower.feed(bytearray(frame(5) + b"\xff" * 100), len(frame(5)))
    assert follower.at_boundary


def test_control_frames_are_seen_wherever_they_stand() -> None:
    follower = Follower()
    data = frame(300) + frame(0, 0xA, masked=True) + frame(5) + frame(4, 0xA, masked=True)
    follower.feed(data, len(data))
    assert (follower.pongs, follower.closed) == (2, False)
    follower.feed(close(1000, ""), 4)
    assert follower.closed


def test_payload_that_looks_like_control_frames_is_not_seen() -> None:
    follower = Follower()
    data = bytes([0x81, 100]) + b"\x88\x00" * 50
    follower.feed(data, len(data))
    assert not follower.closed


def test_ping_is_empty() -> None:
    assert PING == b"\x89\x00"


def test_close_carries_code_and_reason() -> None:
    assert close(1011, "why") == b"\x88\x05\x03\xf3why"


def test_long_reason_is_cut_between_characters() -> None:
    payload = close(1011, "ü" * 100)[2:]
    assert len(payload) == 2 + 122
    assert payload[2:].decode() == "ü" * 61
