"""What journalctl prints, as reports."""

import json
from typing import Any

import pytest

from waypoint_agent.entries import MAX_ENTRY, MAX_MESSAGE, Entries
from waypoint_core.status.reports import JournalReport

UNIT = "waypoint-agent.service"


def line(**fields: Any) -> bytes:
    return json.dumps({"__REALTIME_TIMESTAMP": "1700000000123456", "_BOOT_ID": "x", **fields}).encode() + b"\n"


def reported(data: bytes) -> list[tuple[int, str]]:
    return [(report.priority, report.message) for report in Entries(UNIT).feed(data)]


def test_a_line() -> None:
    [report] = Entries(UNIT).feed(line(MESSAGE="slot 0: ready", PRIORITY="7"))
    assert report == JournalReport(1700000000.123456, UNIT, 7, "slot 0: ready")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"MESSAGE": "x"}, (6, "x")),
        ({"PRIORITY": "4"}, (4, "")),
        ({"MESSAGE": "x", "PRIORITY": "99"}, (6, "x")),
        ({"MESSAGE": "x", "PRIORITY": ["3", "2"]}, (2, "x")),
        ({"MESSAGE": [195, 188, 98, 101, 114]}, (6, "\u00fcber")),
        ({"MESSAGE": [255, 65]}, (6, "\ufffdA")),
        ({"MESSAGE": ["one", "two"]}, (6, "one\ntwo")),
        ({"MESSAGE": ["one", [116, 119, 111]]}, (6, "one\ntwo")),
        ({"MESSAGE": None}, (6, "(too long to be shown)")),
        ({"MESSAGE": "x" * (MAX_MESSAGE + 1)}, (6, "x" * MAX_MESSAGE + " (cut: too long)")),
    ],
)
def test_fields_as_journald_writes_them(fields: dict[str, Any], expected: tuple[int, str]) -> None:
    assert reported(line(**fields)) == [expected]


@pytest.mark.parametrize(
    "broken", [b"\n", b"{\n", b"\xff\n", b"[]\n", b"{}\n", line(MESSAGE=[256]), line(__REALTIME_TIMESTAMP="soon")]
)
def test_what_is_no_entry_is_left_out(broken: bytes) -> None:
    assert reported(broken + line(MESSAGE="next")) == [(6, "next")]


def test_bytes_come_as_they_like() -> None:
    entries = Entries(UNIT)
    data = line(MESSAGE="one") + line(MESSAGE="two")
    found = [report for byte in data for report in entries.feed(bytes([byte]))]
    assert [report.message for report in found] == ["one", "two"]


def test_an_endless_entry_takes_no_memory_and_only_itself() -> None:
    entries = Entries(UNIT)
    assert entries.feed(line(MESSAGE="before") + b'{"MESSAGE": "') != []
    for _ in range(5):
        assert entries.feed(b"x" * MAX_ENTRY) == []
    assert entries.feed(b'"}\n') == []
    assert [report.message for report in entries.feed(line(MESSAGE="after"))] == ["after"]
