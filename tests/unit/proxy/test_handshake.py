"""Request heads, in pieces and malformed."""

import pytest

from waypoint_proxy.handshake import Handshake, Refusal, Request, response

WEBSOCKET = (
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


def head(target: str, *headers: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: edge:9222", *headers, "", ""]).encode("latin-1")


def read(data: bytes, limit: int = 4096) -> Request:
    request = Handshake(limit).feed(data)
    assert request is not None
    return request


def refusal(data: bytes, limit: int = 4096) -> Refusal:
    with pytest.raises(Refusal) as refused:
        Handshake(limit).feed(data)
    return refused.value


def test_upgrades_are_told_from_plain_requests() -> None:
    plain, upgrade = read(head("/a/b?c=d", method="POST")), read(head("/a/b?c=d", *WEBSOCKET))
    assert (plain.method, plain.path, plain.query, plain.upgrade) == ("POST", "/a/b", "c=d", False)
    assert (upgrade.method, upgrade.path, upgrade.query, upgrade.upgrade) == ("GET", "/a/b", "c=d", True)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (head("/", *WEBSOCKET[:3], "Sec-WebSocket-Version: 8"), 426),
        (head("/", *WEBSOCKET[:2], *WEBSOCKET[3:]), 400),
        (head("/", *WEBSOCKET, method="PUT"), 405),
        (head("//[x"), 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ],
)
def test_refusals(data: bytes, status: int) -> None:
    assert refusal(data).status == status


def test_head_may_come_in_any_pieces_and_what_follows_is_kept() -> None:
    data = head("/", *WEBSOCKET) + b"\x81\x80abcd"
    handshake = Handshake(4096)
    assert not handshake.begun
    for at in range(len(data) - 7):
        assert handshake.feed(data[at : at + 1]) is None
    assert handshake.begun
    request = handshake.feed(data[len(data) - 7 :])
    assert request is not None
    assert request.early == b"\x81\x80abcd"


def test_names_are_lower_case_and_head_has_no_body() -> None:
    request = read(head("/json/version?a=b", "X-Forwarded-Host: outside", method="HEAD"))
    assert (request.headers["x-forwarded-host"], request.query, request.head_only) == ("outside", "a=b", True)


@pytest.mark.parametrize("end", ["\r\n\r\n", ""])
def test_too_large_a_head_is_refused_complete_or_not(end: str) -> None:
    refused = refusal(f"GET / HTTP/1.1\r\nHost: x\r\nX: {'x' * 2000}{end}".encode(), 1024)
    assert (refused.status, str(refused)) == (431, "cannot read the request: its head is larger than 1024 bytes")


def test_what_follows_a_head_does_not_count_against_it() -> None:
    assert read(head("/", *WEBSOCKET) + bytes(5000), 1024).early == bytes(5000)


def test_refusal_says_its_reason_three_times() -> None:
    assert Refusal(503, "cannot: none left\n", retry_after=5).encode().decode() == (
        "HTTP/1.1 503 cannot: none left?\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 19\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n"
        "x-playwright-debug-log: cannot: none left?\r\n"
        "Retry-After: 5\r\n"
        "\r\n"
        "cannot: none left\n\n"
    )


def test_answer_to_head_has_the_length_of_the_body_and_no_body() -> None:
    assert response(b"12345", "text/plain", head_only=True).endswith(b"Connection: close\r\n\r\n")
