"""What is changed on the way between client and browser: request heads, URLs, /json bodies. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from waypoint_core.errors import SessionError

_HOST = re.compile(r"[A-Za-z0-9._~:\[\]-]{1,255}")
_TARGET_PATH = re.compile(r"/devtools/[a-z_]+/[A-Za-z0-9-]{1,128}")
_PASSED_ON = (
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "user-agent",
)


@dataclass(frozen=True, slots=True)
class Base:
    """How a client names this edge: scheme ws or wss, and host with port."""

    scheme: str
    host: str

    @classmethod
    def of(cls, headers: Mapping[str, str], fallback: str) -> Base:
        """From lower-case headers; fallback is the host when none is named or it is no host."""
        secure = _first(headers.get("x-forwarded-proto", "")).lower() in {"https", "wss"}
        named = _first(headers.get("x-forwarded-host", "")) or headers.get("host", "")
        return cls("wss" if secure else "ws", named if _HOST.fullmatch(named) else fallback)

    def browser(self, session: str, query: str = "") -> str:
        """The URL that starts or joins a session; the client's own query stays on it."""
        return f"{self.scheme}://{self.host}/devtools/browser/{session}" + (f"?{query}" if query else "")

    def target(self, path: str, session: str) -> str:
        """The URL of one of a session's targets."""
        return f"{self.scheme}://{self.host}{path}?session={session}"


def request_head(
    path: str, host: str, headers: Mapping[str, str] | None = None, ours: Mapping[str, str] | None = None
) -> bytes:
    """A GET for the far side: Host is its own, there is no Origin; of the client's headers, only WebSocket's go on."""
    passed = {name: value for name in _PASSED_ON if (value := (headers or {}).get(name)) is not None} | dict(ours or {})
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in passed.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def version(body: bytes, url: str) -> bytes:
    """A browser's /json/version with webSocketDebuggerUrl replaced. SessionError when it is no JSON object."""
    described = _decode(body, dict[str, Any])
    described["webSocketDebuggerUrl"] = url
    return _encode(described)


def targets(body: bytes, base: Base, session: str) -> bytes:
    """A browser's /json/list with every URL leading through base. SessionError when it is no list of objects."""
    return _encode([_target(item, base, session) for item in _decode(body, list[dict[str, Any]])])


def _target(item: dict[str, Any], base: Base, session: str) -> dict[str, Any]:
    path = urlsplit(str(item.get("webSocketDebuggerUrl", ""))).path
    changed = {name: value for name, value in item.items() if name not in _URLS}
    if _TARGET_PATH.fullmatch(path):
        url = base.target(path, session)
        changed["webSocketDebuggerUrl"] = url
        frontend, separator, _ = str(item.get("devtoolsFrontendUrl", "")).partition("?ws=")
        if separator:
            changed["devtoolsFrontendUrl"] = f"{frontend}?{base.scheme}={quote(url.partition('://')[2], safe='/:')}"
    return changed


_URLS = ("webSocketDebuggerUrl", "devtoolsFrontendUrl")


def _first(value: str) -> str:
    return value.partition(",")[0].strip()


def _encode(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=3) + b"\n"


def _decode(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise SessionError(f"cannot read the browser's answer {body[:80]!r}: {error}") from error
