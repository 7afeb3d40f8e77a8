"""The first control plane that answers, and calls to it: what goes wrong becomes a Failure with its exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.api.binding import Stub
from waypoint_controlplane.cli.failures import Exit, Failure
from waypoint_controlplane.cli.reading import reading
from waypoint_controlplane.cli.verb import Invocation
from waypoint_core.errors import ConfigError
from waypoint_core.settings import TlsSettings
from waypoint_core.tls import channel_credentials

_CONNECT = 3.0
_HEALTH = "/grpc.health.v1.Health/Check"
_NOT_SERVING = b"\x08\x02"
_STARTING = "it answers, but does not serve yet"
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.max_receive_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.service_config_disable_resolution", 1),
)
_HUNG_UP = ("socket closed", "connection reset", "broken pipe")  # also how TLS 1.3 refuses a client's certificate
_Code = grpc.StatusCode
_EXITS = {
    _Code.NOT_FOUND: Exit.NOT_FOUND,
    _Code.UNAVAILABLE: Exit.NO_ANSWER,
    _Code.CANCELLED: Exit.NO_ANSWER,
    _Code.FAILED_PRECONDITION: Exit.REFUSED,
    _Code.RESOURCE_EXHAUSTED: Exit.REFUSED,
    _Code.ALREADY_EXISTS: Exit.REFUSED,
    _Code.ABORTED: Exit.REFUSED,
    _Code.UNAUTHENTICATED: Exit.NOT_ALLOWED,
    _Code.PERMISSION_DENIED: Exit.NOT_ALLOWED,
    _Code.DEADLINE_EXCEEDED: Exit.DEADLINE,
    _Code.INVALID_ARGUMENT: Exit.USAGE,
    _Code.OUT_OF_RANGE: Exit.USAGE,
}


class Plane:
    """A control plane that answered. Unary calls have the invocation's deadline, streams none."""

    def __init__(self, server: str, channel: grpc.Channel, timeout: float) -> None:
        self.server = server
        services = pb.DESCRIPTOR.services_by_name
        self.hosts, self.instances, self.sessions, self.fleet = (
            _Service(Stub(services[name], channel), server, timeout)
            for name in ("Hosts", "Instances", "Sessions", "Fleet")
        )


class _Service:
    """The methods of a stub that raise Failure."""

    def __init__(self, stub: Stub, server: str, timeout: float) -> None:
        self._stub = stub
        self._server = server
        self._timeout = timeout

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        method = getattr(self._stub, name)
        if isinstance(method, grpc.UnaryStreamMultiCallable):
            return lambda request: self._stream(method, request)
        return lambda request: self._ask(method, request)

    def _ask(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            fail(error, self._server)

    def _stream(self, method: Any, request: Any) -> Iterator[Any]:
        with reading(method(request)) as messages:
            try:
                yield from messages
            except grpc.RpcError as error:
                fail(error, self._server)


@contextmanager
def connect(invocation: Invocation) -> Iterator[Plane]:
    """The first of the servers that serves; if none does, the first that answers at all. Failure: none answers."""
    credentials = _credentials(invocation.settings.tls)
    refusals: list[tuple[str, str]] = []
    starting: list[str] = []
    for server in invocation.settings.ctl.servers:
        with _channel(server, credentials) as channel:
            refusal = _refusal(channel, min(_CONNECT, invocation.timeout))
            if not refusal:
                yield Plane(server, channel, invocation.timeout)
                return
        if refusal == _STARTING:
            starting.append(server)
        refusals.append((server, refusal))
    if not starting:
        raise _nobody(refusals, tls=credentials is not None)
    with _channel(starting[0], credentials) as channel:
        yield Plane(starting[0], channel, invocation.timeout)


def fail(error: grpc.RpcError, server: str) -> NoReturn:
    """What a call ran into, as Failure."""
    code, details = error.code(), error.details()
    if code is _Code.DEADLINE_EXCEEDED:
        details = f"cannot wait longer for {server}: it has not answered in time; --timeout gives it more"
    elif code is _Code.UNIMPLEMENTED:
        details = f"cannot do this with {server}: it is of an older version, or no control plane"
    elif code in {_Code.UNAVAILABLE, _Code.CANCELLED} and not (details or "").startswith("cannot"):
        details = f"cannot go on: {server} went away ({details}); run the command again"
    raise Failure(details or f"cannot do this: {server} says {code.name} and nothing else", exit_of(code)) from error


def exit_of(code: grpc.StatusCode) -> Exit:
    """The exit code for a status code."""
    return _EXITS.get(code, Exit.FAILED)


def _channel(server: str, credentials: grpc.ChannelCredentials | None) -> grpc.Channel:
    if credentials is None:
        return grpc.insecure_channel(server, options=_OPTIONS)
    return grpc.secure_channel(server, credentials, options=_OPTIONS)


def _refusal(channel: grpc.Channel, seconds: float) -> str:
    """Why this server cannot be used, "" if it can."""
    try:
        health = channel.unary_unary(_HEALTH)(b"", timeout=seconds)
    except grpc.RpcError as error:
        if error.code() is _Code.DEADLINE_EXCEEDED:
            return f"no answer within {seconds:g} s"
        return error.details() if error.code() is _Code.UNAVAILABLE else ""
    return _STARTING if health == _NOT_SERVING else ""


def _nobody(refusals: list[tuple[str, str]], *, tls: bool) -> Failure:
    told = "; ".join(f"{server}: {_plain(refusal, server)}" for server, refusal in refusals)
    reasons = " ".join(refusal for _, refusal in refusals).lower()
    hung_up = any(words in reasons for words in _HUNG_UP)
    if any(word in reasons for word in ("ssl", "certificate", "handshake")) or (tls and hung_up):
        hint = "check tls.ca_file, tls.cert_file and tls.key_file, and that the address stands in its certificate"
        return Failure(f"cannot use any control plane ({told}): {hint}", Exit.NOT_ALLOWED)
    hint = "name one with --server or WAYPOINT_CTL_SERVERS, and see `waypointctl doctor`"
    if hung_up:
        hint = "it may want TLS: set tls.ca_file, tls.cert_file and tls.key_file"
    return Failure(f"cannot reach any control plane ({told}): {hint}", Exit.NO_ANSWER)


def _plain(refusal: str, server: str) -> str:
    """gRPC's words without its wrapping."""
    words = refusal.rpartition("last error: ")[2]
    for wrapping in ("UNKNOWN: ", "UNAVAILABLE: ", f"ipv4:{server}: ", f"ipv6:{server}: "):
        words = words.removeprefix(wrapping)
    return words.strip()


def _credentials(tls: TlsSettings) -> grpc.ChannelCredentials | None:
    """None: without certificates. Failure when they cannot be used."""
    try:
        return channel_credentials(tls)
    except ConfigError as error:
        hint = ""
        if isinstance(error.__cause__, PermissionError):
            hint = "; run this as root or as a member of the group waypoint-tls, or name files of your own"
        raise Failure(f"{error}{hint}", Exit.NOT_ALLOWED) from error
