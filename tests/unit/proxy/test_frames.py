"""The two frames that are ours."""

from waypoint_proxy.frames import PING, close


def test_ping_is_empty() -> None:
    assert PING == b"\x89\x00"


def test_close_carries_code_and_reason() -> None:
    assert close(1011, "why") == b"\x88\x05\x03\xf3why"


def test_long_reason_is_cut_between_characters() -> None:
    payload = close(1011, "ü" * 100)[2:]
    assert len(payload) == 2 + 122
    assert payload[2:].decode() == "ü" * 61
