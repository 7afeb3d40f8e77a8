"""Spans, ages and sizes."""

import pytest

from waypoint_controlplane.cli.ages import parse_span, size, span


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0.9, "0s"),
        (59.9, "59s"),
        (60, "1m"),
        (192, "3m12s"),
        (7200, "2h"),
        (7260, "2h1m"),
        (86400 * 4 + 3600 * 3 + 59, "4d3h"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400)])
def test_parse_span(text: str, seconds: float) -> None:
    assert parse_span(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "10x", "-5", "1h30", "5 m", "1 h"])
def test_no_span(text: str) -> None:
    with pytest.raises(ValueError, match=r"unit|span"):
        parse_span(text)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0B"), (1023, "1023B"), (2048, "2.0KiB"), (20 << 10, "20KiB"), (24 << 30, "24GiB"), (1 << 60, "1048576TiB")],
)
def test_size(count: int, text: str) -> None:
    assert size(count) == text
