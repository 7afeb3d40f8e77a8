"""One request and its answer as bytes; without I/O.

A connection carries one exchange: nobody asks often enough for more, and each is judged on its own.
"""

from __future__ import annotations

from http import HTTPStatus

import h11

from waypoint_core.status.routes import Head, Refused, Response

MAX_HEAD = 16 * 1024


class ClientLeft(Exception):
    """The client is gone; there is nobody to tell."""


class Exchange:
    """The server's side of one HTTP/1 exchange."""

    def __init__(self, peer: str, *, trusted: bool) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._peer = peer
        self._trusted = trusted
        self._method = b""
        self._received = 0

    def received(self, data: bytes) -> Head | None:
        """The request's head once it is whole. Refused when it is none; ClientLeft at its end without a request."""
        self._received += len(data)
        try:
            self._http.receive_data(data)
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, f"cannot read this request: {error}") from None
        if isinstance(event, h11.ConnectionClosed):
            raise ClientLeft
        return self._head(event) if isinstance(event, h11.Request) else None

    def begin(self, response: Response) -> bytes:
        """The answer's head."""
        headers = [
            ("Content-Type", response.content_type),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ]
        if isinstance(response.body, bytes):
            headers.append(("Content-Length", str(len(response.body))))
        else:
            headers.append(("Transfer-Encoding", "chunked"))
        if response.status == 405:
            headers.append(("Allow", "GET, HEAD"))
        reason = HTTPStatus(response.status).phrase
        return self._http.send(h11.Response(status_code=response.status, headers=headers, reason=reason)) or b""

    @property
    def wants_body(self) -> bool:
        """Whether the answer's body is to be sent, or only its head."""
        return self._method != b"HEAD"

    def data(self, chunk: bytes) -> bytes:
        """A piece of the answer's body."""
        return self._http.send(h11.Data(chunk)) or b""

    def end(self) -> bytes:
        """The end of the answer."""
        return self._http.send(h11.EndOfMessage()) or b""

    def _head(self, request: h11.Request) -> Head:
        self._method = request.method
        # h11 counts only while the end is missing: a head that came at once may be longer.
        if self._received - len(self._http.trailing_data[0]) > MAX_HEAD:
            raise Refused(431, f"cannot read this request: its head is longer than {MAX_HEAD} bytes")
        accept = b",".join(value for name, value in request.headers if name == b"accept")
        method, target, accepted = (each.decode("latin-1") for each in (request.method, request.target, accept))
        return Head(method, target, accepted, self._peer, self._trusted)
