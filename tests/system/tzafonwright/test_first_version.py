"""A peer of the first version, written by hand: no subprotocol, binary JSON frames."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class Peer:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def say(self, command: Any) -> dict[str, Any]:
        await self.socket.send(command if isinstance(command, bytes | str) else json.dumps(command).encode())
        return await self.hear()

    async def hear(self) -> dict[str, Any]:
        answer = await self.socket.recv()
        assert isinstance(answer, bytes)
        found: dict[str, Any] = json.loads(answer)
        assert isinstance(found["success"], bool)
        assert found["success"] != ("error_message" in found)
        return found


@pytest.fixture
async def peer(edge: str) -> AsyncIterator[Peer]:
    async with connect(edge, max_size=None, open_timeout=90) as socket:
        assert socket.subprotocol is None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers  # type: ignore[union-attr]
        yield Peer(socket)


async def test_the_six_actions(peer: Peer, shop: str) -> None:
    assert await peer.say({"action_type": "goto", "url": shop, "timeout": 60_000}) == {"success": True}
    assert await peer.say({"action_type": "set_viewport_size", "width": 800, "height": 500}) == {"success": True}
    assert await peer.say({"action_type": "click", "x": 10, "y": 50}) == {"success": True}
    assert await peer.say({"action_type": "type", "text": "hello"}) == {"success": True}
    assert await peer.say({"action_type": "scroll", "delta_x": 0, "delta_y": 100}) == {"success": True}
    answer = await peer.say({"action_type": "screenshot"})
    assert base64.b64decode(answer["image"]).startswith(b"\xff\xd8")


async def test_unknown_keys_and_nulls_are_ignored(peer: Peer, shop: str) -> None:
    assert await peer.say({"action_type": "goto", "url": shop, "x": None, "session": {"a": 1}}) == {"success": True}


async def test_text_frames_are_answered(peer: Peer, shop: str) -> None:
    assert await peer.say(json.dumps({"action_type": "goto", "url": shop})) == {"success": True}


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"action_type": "click"}, "x and y"),
        ({"action_type": "click", "x": 1}, "x and y"),
        ({"action_type": "click", "x": "1", "y": 2}, "x"),
        ({"action_type": "click", "x": -1, "y": 5}, "outside of the viewport"),
        ({"action_type": "click", "x": 5, "y": 99_999}, "outside of the viewport"),
        ({"action_type": "click", "x": 1e300, "y": 5}, "x"),
        (b'{"action_type": "click", "x": NaN, "y": 5}', "x"),
        ({"action_type": "goto"}, "url"),
        ({"action_type": "goto", "url": ""}, "url"),
        ({"action_type": "goto", "url": 7}, "url"),
        ({"action_type": "goto", "url": "nonsense"}, "URL"),
        ({"action_type": "type"}, "text"),
        ({"action_type": "scroll"}, "delta"),
        ({"action_type": "scroll", "delta_y": 5, "x": 3}, "both x and y"),
        ({"action_type": "set_viewport_size", "width": 5}, "height"),
        ({"action_type": "set_viewport_size", "width": 0, "height": 5}, "width"),
        ({"action_type": "screenshot", "timeout": "soon"}, "timeout"),
        ({"action_type": "screenshot", "timeout": 0}, "timeout"),
        ({"action_type": "dance"}, "there is no action_type 'dance'"),
        ({}, "there is no action_type None"),
        ([], "not a JSON object"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
async def test_what_fails_is_answered_and_the_session_goes_on(peer: Peer, shop: str, command: Any, words: str) -> None:
    answer = await peer.say(command)
    assert words in answer["error_message"]
    assert "\n" not in answer["error_message"]
    assert await peer.say({"action_type": "goto", "url": shop}) == {"success": True}


async def test_timeouts_are_milliseconds(peer: Peer, shop: str) -> None:
    answer = await peer.say({"action_type": "goto", "url": f"{shop}/slow?ms=60000", "timeout": 300})
    assert answer["error_message"].startswith("cannot goto: not done within 0.3 s")


async def test_answers_come_in_order(peer: Peer, shop: str) -> None:
    for command in ({"action_type": "goto", "url": f"{shop}/slow?ms=300"}, {"action_type": "screenshot"}, {"no": 1}):
        await peer.socket.send(json.dumps(command).encode())
    first, second, third = await peer.hear(), await peer.hear(), await peer.hear()
    assert first == {"success": True}
    assert "image" in second
    assert not third["success"]


async def test_16_mib(peer: Peer) -> None:
    largest = 16 * 1024 * 1024
    frame = b'{"action_type": "click", "pad": "%s"}'
    answer = await peer.say(frame % (b"x" * (largest - len(frame) + 2)))
    assert "x and y" in answer["error_message"]
    await peer.socket.send(b"x" * (largest + 1))
    with pytest.raises(ConnectionClosed) as closed:
        await peer.socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
