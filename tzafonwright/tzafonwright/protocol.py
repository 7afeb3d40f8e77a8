"""The second version of the protocol, sans-I/O: messages to binary frames and back.

It is spoken where the WebSocket subprotocol `tzafonwright.v2` was negotiated; without, see `v1`. A frame is

    4 bytes   length of the header, big-endian
    header    a JSON object, one of the messages below
    payload   bytes that belong to it, such as an image or files

Requests bear an id and may be sent without waiting; answers come in the order in which actions end.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from tzafonwright.actions import AnyAction, Happening
from tzafonwright.errors import ProtocolError

SUBPROTOCOL = "tzafonwright.v2"
MAX_HEADER = 32 * 1024 * 1024
MAX_FRAME = 256 * 1024 * 1024
_LENGTH = struct.Struct(">I")


class Request(msgspec.Struct, frozen=True, tag="request", tag_field="is"):
    """Do this, within timeout seconds from when it arrives. The payload belongs to the action."""

    id: int
    action: AnyAction
    timeout: float


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="is"):
    """Stop doing that; it is answered all the same."""

    id: int


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="is"):
    """It was done; value is what the action gives, unless that is the payload."""

    id: int
    value: Any = None


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="is", omit_defaults=True):
    """It was not done: what happened, in words, and what to do about it. code: see `Code` of the server."""

    id: int
    code: str
    message: str
    hint: str = ""


class Progress(msgspec.Struct, frozen=True, tag="progress", tag_field="is", omit_defaults=True):
    """It is under way; done and total are bytes where they are known."""

    id: int
    stage: str
    done: int = 0
    total: int | None = None


class Told(msgspec.Struct, frozen=True, tag="told", tag_field="is"):
    """Something of a topic that was asked for happened."""

    happening: Happening


FromClient = Request | Cancel
FromServer = Done | Failed | Progress | Told

_client_decoder = msgspec.json.Decoder(FromClient)
_server_decoder = msgspec.json.Decoder(FromServer)


def pack(message: FromClient | FromServer, payload: bytes = b"") -> bytes:
    """One frame. TypeError when the message holds something that JSON cannot."""
    header = msgspec.json.encode(message)
    return b"".join((_LENGTH.pack(len(header)), header, payload))


def unpack_from_client(frame: bytes) -> tuple[FromClient, bytes]:
    """What a client sent. ProtocolError when it is none of its messages; UnreadableRequest when its id is known."""
    header, payload = _split(frame)
    try:
        return _client_decoder.decode(header), payload
    except msgspec.MsgspecError as error:
        if (number := _id_of(header)) is not None:
            raise UnreadableRequest(number, f"cannot read request: {error}") from error
        raise ProtocolError(f"cannot read message: {error}") from error


def unpack_from_server(frame: bytes) -> tuple[FromServer, bytes]:
    """What a server sent. ProtocolError when it is none of its messages."""
    header, payload = _split(frame)
    try:
        return _server_decoder.decode(header), payload
    except msgspec.MsgspecError as error:
        raise ProtocolError(f"cannot read message: {error}") from error


class UnreadableRequest(ProtocolError):
    """A request that can be answered, but not carried out."""

    def __init__(self, number: int, message: str) -> None:
        super().__init__(message)
        self.id = number


def _split(frame: bytes) -> tuple[bytes, bytes]:
    if not isinstance(frame, bytes) or len(frame) < _LENGTH.size:
        raise ProtocolError("cannot read message: it is not a binary frame of at least 4 bytes")
    (length,) = _LENGTH.unpack_from(frame)
    if length > min(MAX_HEADER, len(frame) - _LENGTH.size):
        raise ProtocolError(f"cannot read message: its header of {length} bytes is not all there")
    end = _LENGTH.size + length
    return frame[_LENGTH.size : end], frame[end:]


class _Numbered(msgspec.Struct):
    id: int


def _id_of(header: bytes) -> int | None:
    try:
        return msgspec.json.decode(header, type=_Numbered).id
    except msgspec.MsgspecError:
        return None
