"""Connecting to a browser that is no address, or without a socket to do it with."""

from __future__ import annotations

import socket

import pytest

from waypoint_core.errors import SessionError
from waypoint_proxy.browser import DevTools, NoSocket, connect, fetch
from waypoint_proxy.handshake import Refusal
from waypoint_proxy.reserve import Browser


@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "ws://",
        "ws://b",
        "ws://b:x/",
        "ws://b:0/",
        "ws://b:99999/",
        "ws://[::1",
        "b:1",
        "ws://b\0:1/",
        "ws://b:1/\u00fc",
    ],
)
async def test_what_is_no_endpoint_is_no_browser(endpoint: str) -> None:
    with pytest.raises(SessionError, match="that is no endpoint"):
        await connect(endpoint, 1.0)
    with pytest.raises(SessionError, match="that is no endpoint"):
        await fetch(endpoint, "/json/version", 1.0)


async def test_browser_that_does_not_accept() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        port = closed.getsockname()[1]
        with pytest.raises(SessionError, match=f"cannot use the browser at 127.0.0.1:{port}: .*refused"):
            await connect(f"ws://127.0.0.1:{port}/devtools/browser/1", 60.0)


async def test_without_a_socket_no_browser_is_of_use(monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> socket.socket:
        raise OSError(24, "Too many open files")

    endpoint = "ws://127.0.0.1:1/devtools/browser/1"
    monkeypatch.setattr("waypoint_proxy.browser.socket.socket", none_left)
    with pytest.raises(NoSocket, match=r"cannot connect to a browser: .*Too many open files"):
        await connect(endpoint, 1.0)
    with pytest.raises(Refusal, match="Too many open files") as refused:
        await DevTools(1.0, compress=False).open(Browser("a", endpoint, 0.0), {})
    assert refused.value.status == 503
