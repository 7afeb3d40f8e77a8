"""Frames of the second version, as bytes."""

import pytest

from tzafonwright import actions, protocol
from tzafonwright.errors import ProtocolError

FROM_CLIENT = [
    (
        protocol.Request(1, actions.Goto(url="http://a.example"), 5.0),
        b"",
        b'\0\0\0\x5b{"is":"request","id":1,"action":{"do":"goto","url":"http://a.example"},"timeout":5.0}',
    ),
    (protocol.Cancel(1), b"", b'\0\0\0\x16{"is":"cancel","id":1}'),
]
FROM_SERVER = [
    (protocol.Done(1, {"a": [1]}), b"bytes", b'\0\0\0\x26{"is":"done","id":1,"value":{"a":[1]}}bytes'),
    (protocol.Failed(1, "timeout", "late"), b"", None),
    (protocol.Progress(2, "reading", 5, 10), b"", None),
    (protocol.Told(actions.Happening("page", "t1", {"event": "opened"})), b"", None),
]


@pytest.mark.parametrize(("message", "payload", "frame"), FROM_CLIENT)
def test_client_says(message: protocol.FromClient, payload: bytes, frame: bytes) -> None:
    packed = protocol.pack(message, payload)
    assert packed[4:] == frame[4:]
    assert int.from_bytes(packed[:4]) == len(packed) - 4 - len(payload)
    assert protocol.unpack_from_client(packed) == (message, payload)


@pytest.mark.parametrize(("message", "payload", "frame"), FROM_SERVER)
def test_server_says(message: protocol.FromServer, payload: bytes, frame: bytes | None) -> None:
    packed = protocol.pack(message, payload)
    assert frame is None or packed == frame
    assert protocol.unpack_from_server(packed) == (message, payload)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\0\0\0", b"\0\0\0\1", b"\xff\xff\xff\xff{}", b"\0\0\0\2{}", b"\0\0\0\4null", b'\0\0\0\x0d{"is":"dance"}'],
)
def test_what_is_no_message(frame: bytes) -> None:
    for unpack in (protocol.unpack_from_client, protocol.unpack_from_server):
        with pytest.raises(ProtocolError, match="cannot read message"):
            unpack(frame)


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (b'{"do":"dance"}', "dance"),
        (b'{"do":"click","x":1}', "either a target or both x and y"),
        (b'{"do":"click","target":"a","colour":1}', "colour"),
        (b'{"do":"set_viewport","width":0,"height":5}', "width"),
    ],
)
def test_a_request_that_cannot_be_carried_out_can_be_answered(action: bytes, words: str) -> None:
    header = b'{"is":"request","id":7,"timeout":1,"action":' + action + b"}"
    with pytest.raises(protocol.UnreadableRequest, match=words) as found:
        protocol.unpack_from_client(len(header).to_bytes(4) + header)
    assert found.value.id == 7
