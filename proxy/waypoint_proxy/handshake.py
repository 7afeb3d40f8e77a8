"""A client's request head, sans-I/O: bytes in, a request or a refusal out. What it asks for is for `intents` to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import h11


@dataclass(frozen=True, slots=True)
class Request:
    """A complete head; headers by lower-case name, early is what followed it already. upgrade: to a WebSocket."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    upgrade: bool = False
    early: bytes = b""

    @property
    def head_only(self) -> bool:
        """Whether the answer is to have no body."""
        return self.method == "HEAD"


class Refusal(Exception):
    """What a client is told instead of what it asked for; retry_after in seconds."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        *,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        self.headers = dict(headers or {})

    def encode(self) -> bytes:
        """The whole response. The reason stands in the status line, the body and Playwright's debug header."""
        line = printable(self.reason)
        extra = {"x-playwright-debug-log": line, **self.headers}
        if self.retry_after is not None:
            extra["Retry-After"] = str(self.retry_after)
        return response(f"{self.reason}\n".encode(), "text/plain; charset=utf-8", self.status, line, extra)


def response(
    body: bytes,
    content_type: str,
    status: int = HTTPStatus.OK,
    phrase: str = "OK",
    headers: Mapping[str, str] | None = None,
    *,
    head_only: bool = False,
) -> bytes:
    """A complete answer that ends the connection."""
    fields = {
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "Connection": "close",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    start = f"HTTP/1.1 {int(status)} {phrase}\r\n{head}\r\n".encode("latin-1", "replace")
    return start if head_only else start + body


class Handshake:
    """Collects one request head of at most max_head bytes."""

    def __init__(self, max_head: int) -> None:
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=max_head)
        self._max_head = max_head
        self._seen = 0

    @property
    def begun(self) -> bool:
        """Whether the client has sent anything."""
        return self._seen > 0

    def feed(self, data: bytes) -> Request | None:
        """The request that these bytes complete, None when more are needed. Raises Refusal."""
        self._seen += len(data)
        try:
            self._parser.receive_data(data)
            event = self._parser.next_event()
        except h11.RemoteProtocolError as error:
            raise self._malformed(error) from error
        if event is h11.NEED_DATA:
            return None
        if not isinstance(event, h11.Request):
            raise Refusal(HTTPStatus.BAD_REQUEST, "cannot read the request: it is not HTTP")
        early, _ = self._parser.trailing_data
        if self._seen - len(early) > self._max_head:
            raise _too_large(self._max_head)
        return _read(event, bytes(early))

    def _malformed(self, error: h11.RemoteProtocolError) -> Refusal:
        if error.error_status_hint == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            return _too_large(self._max_head)
        return Refusal(HTTPStatus.BAD_REQUEST, f"cannot read the request: {printable(str(error))}")


def _too_large(limit: int) -> Refusal:
    return Refusal(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"cannot read the request: its head is larger than {limit} bytes",
    )


def _read(event: h11.Request, early: bytes) -> Request:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
    method = event.method.decode("latin-1")
    try:
        url = urlsplit(event.target.decode("latin-1"))
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "cannot read the request: its target is no URL") from error
    upgrade = "websocket" in headers.get("upgrade", "").lower()
    if upgrade:
        _check_upgrade(method, headers)
    return Request(method, url.path, url.query, headers, upgrade, early)


def _check_upgrade(method: str, headers: Mapping[str, str]) -> None:
    if method != "GET":
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "cannot upgrade: only GET can", headers={"Allow": "GET"})
    if "upgrade" not in headers.get("connection", "").lower() or not headers.get("sec-websocket-key"):
        raise Refusal(HTTPStatus.BAD_REQUEST, "cannot upgrade: Connection: Upgrade or Sec-WebSocket-Key is missing")
    if headers.get("sec-websocket-version") != "13":
        raise Refusal(
            HTTPStatus.UPGRADE_REQUIRED,
            "cannot upgrade: only WebSocket version 13 is spoken here",
            headers={"Sec-WebSocket-Version": "13"},
        )


def printable(text: str) -> str:
    """Fit for a status line and a log: ASCII, and not long."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)[:200]
