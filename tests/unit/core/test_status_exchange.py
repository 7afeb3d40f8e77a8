"""Requests to the status endpoint and its answers, as transcripts."""

from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from waypoint_core.status.exchange import MAX_HEAD, ClientLeft, Exchange
from waypoint_core.status.routes import Head, Refused, Request, Response, Routes

GET = b"GET /sessions?a=1 HTTP/1.1\r\nHost: x\r\nAccept: one\r\nAccept: two\r\n\r\n"


def exchange() -> Exchange:
    return Exchange("10.0.0.9", trusted=False)


async def no_lines() -> AsyncIterator[bytes]:
    for line in ():
        yield line


def test_a_head_may_come_in_pieces() -> None:
    each = exchange()
    assert [each.received(GET[at : at + 1]) for at in range(len(GET) - 1)] == [None] * (len(GET) - 1)
    assert each.received(GET[-1:]) == Head("GET", "/sessions?a=1", "one,two", "10.0.0.9", trusted=False)


def test_a_whole_answer() -> None:
    each = exchange()
    each.received(GET)
    said = each.begin(Response(b"{}")) + each.data(b"{}") + each.end()
    assert said.splitlines() == [
        b"HTTP/1.1 200 OK",
        b"Content-Type: application/json",
        b"Cache-Control: no-store",
        b"X-Content-Type-Options: nosniff",
        b"Connection: close",
        b"Content-Length: 2",
        b"",
        b"{}",
    ]


def test_a_streamed_answer() -> None:
    each = exchange()
    each.received(GET)
    assert b"\r\nTransfer-Encoding: chunked\r\n" in each.begin(Response(no_lines()))
    assert each.data(b"one\n") + each.data(b"") + each.end() == b"4\r\none\n\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (b"\x16\x03\x01\x00\x05", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MAX_HEAD, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * MAX_HEAD + b"\r\n\r\n", 431),
    ],
)
def test_a_bad_head_is_refused_and_can_be_answered(said: bytes, status: int) -> None:
    each = exchange()
    with pytest.raises(Refused) as refused:
        each.received(said)
    response = refused.value.response
    assert response.status == status
    assert isinstance(response.body, bytes)
    assert response.body.startswith(b"cannot read this request: ")
    assert each.begin(response).startswith(b"HTTP/1.1 %d " % status)
    assert each.wants_body


def test_a_client_that_says_nothing_has_left() -> None:
    with pytest.raises(ClientLeft):
        exchange().received(b"")


async def path_of(request: Request) -> Response:
    return Response(request.path.encode())


@pytest.mark.parametrize(
    ("path", "trusted", "status"),
    [
        ("/healthz", False, 200),
        ("/metrics", False, 200),
        ("/sd", False, 200),
        ("/sessions", True, 200),
        ("/sessions", False, 403),
        ("/sessions/", True, 404),
        ("/", True, 404),
        ("*", True, 404),
        ("http://x/sd", False, 200),
        ("http://x/sessions", False, 403),
    ],
)
async def test_who_may_ask_for_what(path: str, trusted: bool, status: int) -> None:
    routes = Routes(CollectorRegistry(), {"/sd": path_of}, {"/sessions": path_of})
    response = await routes.answer(Head("GET", path, "", "10.0.0.9", trusted))
    assert response.status == status
