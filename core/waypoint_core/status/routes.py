"""Who may ask for what, and who answers."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from waypoint_core.errors import WaypointError

log = logging.getLogger("waypoint.status")

_TEXT = "text/plain; charset=utf-8"
_MAX_FIELDS = 32


@dataclass(frozen=True, slots=True)
class Request:
    """What a route is asked: the path and the fields of the query, the last of each name."""

    path: str
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """What a route answers: all of it, or a stream, which is closed as soon as the client has left."""

    body: bytes | AsyncIterator[bytes]
    content_type: str = "application/json"
    status: int = 200


Route = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Head:
    """What a client sent, and from where; trusted: it may see what is private."""

    method: str
    target: str
    accept: str
    peer: str
    trusted: bool


class Refused(Exception):
    """The client is told no: a status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.response = plain(status, line)


def plain(status: int, line: str) -> Response:
    """An answer of one line for people."""
    return Response(f"{' '.join(line.split())}\n".encode(), _TEXT, status)


class Routes:
    """All paths of one endpoint; public ones answer everybody."""

    def __init__(self, metrics: CollectorRegistry, public: Mapping[str, Route], private: Mapping[str, Route]) -> None:
        self._metrics = metrics
        self._public = {"/healthz": _healthy, **public}
        self._private = private

    async def answer(self, head: Head) -> Response:
        """What this client is to get; a route that fails is answered for."""
        try:
            return await self._answer(head)
        except Refused as refused:
            return refused.response
        except WaypointError as error:
            return plain(500, str(error))
        except Exception:
            log.exception("cannot answer %s %s of %s", head.method, head.target, head.peer)
            return plain(500, "cannot answer: something went wrong, see this daemon's log")

    async def _answer(self, head: Head) -> Response:
        if head.method not in {"GET", "HEAD"}:
            raise Refused(405, f"cannot do {head.method} here: only GET and HEAD")
        request = _request(head.target)
        if request.path == "/metrics":
            encode, content_type = choose_encoder(head.accept)
            return Response(encode(self._metrics), content_type)
        return await self._route(request.path, head)(request)

    def _route(self, path: str, head: Head) -> Route:
        if path in self._public:
            return self._public[path]
        if path not in self._private:
            known = ", ".join(sorted(["/metrics", *self._public, *self._private]))
            raise Refused(404, f"cannot find {path}: there are {known}")
        if not head.trusted:
            raise Refused(
                403,
                f"cannot show {path} to {head.peer}: it answers clients on this machine, "
                "and clients with a certificate of the fleet's CA",
            )
        return self._private[path]


def _request(target: str) -> Request:
    try:
        parts = urlsplit(target)
        fields = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Refused(400, f"cannot read the requested address: {error}") from None
    return Request(parts.path, dict(fields))


async def _healthy(_: Request) -> Response:
    return Response(b"ok\n", _TEXT)
