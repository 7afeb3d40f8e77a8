"""The lines between agent and gateway."""

import pytest

from waypoint_core.errors import HoldError
from waypoint_core.hold import EndCause, Ended, Held, Hold, Lines, Message, Refused, Release, encode
from waypoint_core.lines import MAX_LINE

ALL: list[Message] = [
    Hold(instance="i"),
    Hold(instance="i", session="s"),
    Hold(instance="i", session="s", again=True),
    Release(instance="i", reason="client left"),
    Held(instance="i"),
    Refused(instance="i", reason="held by another"),
    Ended(instance="i", cause=EndCause.CRASHED, detail="killed by signal 9"),
]


def test_messages_survive_any_cut_of_the_stream() -> None:
    stream = b"".join(map(encode, ALL))
    for size in (1, 2, 7, len(stream)):
        lines = Lines()
        received = [m for at in range(0, len(stream), size) for m in lines.feed(stream[at : at + size])]
        assert received == ALL


@pytest.mark.parametrize(
    "line",
    [
        b"{}\n",
        b"hello\n",
        b'{"is":"hold"}\n',
        b'{"is":"dance","instance":"i"}\n',
        b"\xff\n",
        b'{"is":"held","instance":"i","what":' + b"[" * 5000 + b"]" * 5000 + b"}\n",
    ],
)
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(HoldError, match="cannot read hold message"):
        Lines().feed(line)


def test_an_endless_line_is_refused() -> None:
    with pytest.raises(HoldError, match="longer than"):
        Lines().feed(b"x" * (MAX_LINE + 1))
