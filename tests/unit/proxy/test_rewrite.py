"""URLs, bodies and heads between client and browser."""

import json

import pytest

from waypoint_core.errors import SessionError
from waypoint_proxy.rewrite import Base, request_head, targets, version

FALLBACK = "10.0.0.1:9222"


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"host": "127.0.0.1:9222"}, Base("ws", "127.0.0.1:9222")),
        ({"host": "[::1]:9222"}, Base("ws", "[::1]:9222")),
        ({"host": "inside", "x-forwarded-host": "cdp.example.com"}, Base("ws", "cdp.example.com")),
        ({"host": "inside", "x-forwarded-proto": "https"}, Base("wss", "inside")),
        (
            {"host": "i", "x-forwarded-proto": "WSS, http", "x-forwarded-host": "outer, inner"},
            Base("wss", "outer"),
        ),
        ({"host": "evil/path?x="}, Base("ws", FALLBACK)),
        ({}, Base("ws", FALLBACK)),
    ],
)
def test_base_is_as_the_client_names_it(headers: dict[str, str], base: Base) -> None:
    assert Base.of(headers, FALLBACK) == base


def test_browser_url_keeps_the_clients_query() -> None:
    assert Base("wss", "h").browser("s", "token=1") == "wss://h/devtools/browser/s?token=1"
    assert Base("ws", "h").browser("s") == "ws://h/devtools/browser/s"


def test_version_changes_the_url_and_nothing_else() -> None:
    body = b'{"Browser": "HeadlessChrome/156", "webSocketDebuggerUrl": "ws://127.0.0.1:1/devtools/browser/x"}'
    assert json.loads(version(body, "ws://h/s")) == {
        "Browser": "HeadlessChrome/156",
        "webSocketDebuggerUrl": "ws://h/s",
    }


def test_targets_lead_through_the_edge() -> None:
    body = json.dumps(
        [
            {
                "id": "AB",
                "url": "http://page",
                "devtoolsFrontendUrl": "https://tools/inspector.html?ws=127.0.0.1:1/devtools/page/AB",
                "webSocketDebuggerUrl": "ws://127.0.0.1:1/devtools/page/AB",
            },
            {"id": "CD", "webSocketDebuggerUrl": "ws://127.0.0.1:1/../../x"},
        ]
    ).encode()
    assert json.loads(targets(body, Base("wss", "edge"), "s1")) == [
        {
            "id": "AB",
            "url": "http://page",
            "devtoolsFrontendUrl": "https://tools/inspector.html?wss=edge/devtools/page/AB%3Fsession%3Ds1",
            "webSocketDebuggerUrl": "wss://edge/devtools/page/AB?session=s1",
        },
        {"id": "CD"},
    ]


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff"])
def test_an_answer_that_is_not_what_it_should_be_is_named(body: bytes) -> None:
    with pytest.raises(SessionError, match="cannot read the browser's answer"):
        version(body, "u")


def test_head_for_the_browser_has_its_host_and_no_origin() -> None:
    headers = {
        "host": "evil.example",
        "origin": "https://evil.example",
        "cookie": "secret",
        "authorization": "Bearer secret",
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-key": "k",
        "sec-websocket-version": "13",
        "sec-websocket-extensions": "permessage-deflate",
    }
    assert request_head("/devtools/browser/x", "127.0.0.1:1", headers).decode().split("\r\n") == [
        "GET /devtools/browser/x HTTP/1.1",
        "Host: 127.0.0.1:1",
        "upgrade: websocket",
        "connection: Upgrade",
        "sec-websocket-key: k",
        "sec-websocket-version: 13",
        "sec-websocket-extensions: permessage-deflate",
        "",
        "",
    ]


def test_our_own_headers_replace_those_of_the_client() -> None:
    headers = {"sec-websocket-protocol": "tzafonwright.v2", "x-waypoint-endpoint": "ws://127.0.0.1:1/of-another"}
    assert request_head("/", "there", headers, {"x-waypoint-endpoint": "ws://127.0.0.1:2/ours"}).decode() == (
        "GET / HTTP/1.1\r\nHost: there\r\n"
        "sec-websocket-protocol: tzafonwright.v2\r\nx-waypoint-endpoint: ws://127.0.0.1:2/ours\r\n\r\n"
    )
