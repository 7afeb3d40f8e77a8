"""What a request asks for, by the edge that it came to: its path and query as an intent, or a refusal. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from waypoint_proxy.handshake import Refusal, Request, printable

_SESSION = re.compile(r"[A-Za-z0-9_-]{16,128}")
_TARGET = re.compile(r"[A-Za-z0-9-]{1,128}")


@dataclass(frozen=True, slots=True)
class Root:
    """GET /: is anyone there?"""


@dataclass(frozen=True, slots=True)
class Version:
    """GET /json/version."""


@dataclass(frozen=True, slots=True)
class Targets:
    """GET /json/list, of a session or of none."""

    session: str | None


@dataclass(frozen=True, slots=True)
class Schema:
    """GET /json/protocol."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A WebSocket to a browser: a fresh one (session None), or the one that this session has or gets."""

    session: str | None


@dataclass(frozen=True, slots=True)
class PageUpgrade:
    """A WebSocket to one target of a session's browser."""

    session: str
    target: str


Intent = Root | Version | Targets | Schema | Upgrade | PageUpgrade


def at_cdp(request: Request) -> Intent:
    """At the CDP edge."""
    query = _query(request)
    if request.upgrade:
        return _cdp_upgrade(request.path, query)
    return _cdp_plain(request.method, request.path, query)


def at_tzafonwright(request: Request) -> Root | Upgrade:
    """At the tzafonwright edge, which knows no documents: "/" for a fresh browser, "/session/<id>" for one by name.

    A session's CDP path is good here, too, so that whoever was given that URL needs to change no more than the port.
    """
    match request.path.strip("/").split("/"):
        case [""]:
            session = None
        case ["session", named] | ["devtools", "browser", named]:
            session = _session(named)
        case _:
            raise _unknown(request.path)
    if request.upgrade:
        return Upgrade(session)
    _only_get(request.method)
    if session:
        raise _websocket()
    return Root()


def _query(request: Request) -> Mapping[str, list[str]]:
    try:
        return parse_qs(request.query)
    except ValueError as error:
        raise Refusal(HTTPStatus.BAD_REQUEST, "cannot read the request: its target is no URL") from error


def _only_get(method: str) -> None:
    if method not in {"GET", "HEAD"}:
        raise Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "cannot do that here: only GET", headers={"Allow": "GET, HEAD"})


def _websocket() -> Refusal:
    return Refusal(HTTPStatus.UPGRADE_REQUIRED, "cannot answer: this is a WebSocket", headers={"Upgrade": "websocket"})


def _cdp_upgrade(path: str, query: Mapping[str, list[str]]) -> Intent:
    match path.strip("/").split("/"):
        case [""] | ["devtools", "browser"]:
            return Upgrade(None)
        case ["devtools", "browser", session]:
            return Upgrade(_session(session))
        case ["devtools", "page", target] if _TARGET.fullmatch(target):
            if named := _named(query):
                return PageUpgrade(named, target)
            raise Refusal(HTTPStatus.BAD_REQUEST, "cannot open a page: the URL needs ?session=, as /json/list gives it")
    raise _unknown(path)


def _cdp_plain(method: str, path: str, query: Mapping[str, list[str]]) -> Intent:
    _only_get(method)
    match path:
        case "/":
            return Root()
        case "/json/version" | "/json/version/":
            return Version()
        case "/json" | "/json/list" | "/json/list/":
            return Targets(_named(query))
        case "/json/protocol" | "/json/protocol/":
            return Schema()
    first, _, rest = path.lstrip("/").partition("/")
    if first == "devtools":
        raise _websocket()
    if first == "json" and rest.partition("/")[0] in {"new", "activate", "close"}:
        raise Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "cannot open or close targets over HTTP: use the session's WebSocket (Target.createTarget)",
            headers={"Allow": ""},
        )
    raise _unknown(path)


def _named(query: Mapping[str, list[str]]) -> str | None:
    values = query.get("session")
    return _session(values[-1]) if values else None


def _session(text: str) -> str:
    if not _SESSION.fullmatch(text):
        raise Refusal(
            HTTPStatus.BAD_REQUEST,
            "cannot use that session id: 16 to 128 letters, digits, '-' and '_', best from /json/version",
        )
    return text


def _unknown(path: str) -> Refusal:
    return Refusal(HTTPStatus.NOT_FOUND, f"cannot find {printable(path)}")
