"""How a request reaches some member of the cluster: rotation, deadlines, retry, sign-in, streams."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, Generic

import grpc.aio

from waypoint_core.errors import ConfigError, RegistryError, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.channel import Endpoint
from waypoint_core.etcd.faults import AuthDisabled, Fault, Repeat, judge
from waypoint_core.etcd.methods import AUTHENTICATE, Method, Q, R
from waypoint_core.etcd.observer import Observer, Silent, timed
from waypoint_core.etcd.targets import targets
from waypoint_core.settings import EtcdSettings
from waypoint_core.tls import etcd_credentials

log = logging.getLogger("waypoint.etcd.endpoints")

Metadata = tuple[tuple[str, str], ...]

# gRPC makes None of a message that it cannot parse.
_UNREADABLE = Fault(Repeat.IF_IDEMPOTENT, RegistryUnavailable, "what it sent cannot be read")

# A member that is cut off from the others refuses what carries this, where it would otherwise stay silent or behind.
_HAS_LEADER: Metadata = (("hasleader", "true"),)


def backoff(base: float = 0.05, cap: float = 1.0) -> Iterator[float]:
    """Endless pauses in seconds with full jitter, their limit doubling from base to cap."""
    limit = base
    while True:
        yield random.uniform(0, limit)  # noqa: S311 - jitter, not a secret
        limit = min(cap, 2 * limit)


class Endpoints:
    """All members, one of them current; whoever finds it wanting moves everybody on to the next."""

    def __init__(self, settings: EtcdSettings, members: Sequence[Endpoint], observer: Observer) -> None:
        self.settings = settings
        self.members = members
        self.observer = observer
        self._current = random.randrange(len(members))  # noqa: S311 - spreads a fleet over the members
        self._token: str | None = None
        self._signing_in = asyncio.Lock()

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, settings: EtcdSettings, observer: Observer | None = None) -> AsyncIterator[Endpoints]:
        """Channels to all members; nothing is sent yet. ConfigError when a setting, or its file, is wrong."""
        named = targets(settings)
        if settings.password_file:
            _read_password(settings)
        certificates = etcd_credentials(settings) if any(target.tls for target in named) else None
        members = [Endpoint(target, certificates, settings.attempt_timeout) for target in named]
        try:
            yield cls(settings, members, observer or Silent())
        finally:
            for member in members:
                await member.close()

    @property
    def current(self) -> Endpoint:
        """The member that new calls and streams go to."""
        return self.members[self._current]

    async def call(self, method: Method[Q, R], request: Q, *, idempotent: bool) -> R:
        """The answer of some member, within the call deadline; repeated only where that can do no harm.

        RegistryUnavailable, RegistryRefused (also as one of its kinds in `faults`) or LeaseLost.
        """
        with timed(self.observer, str(method)):
            return await self._call(method, request, idempotent, time.monotonic() + self.settings.call_timeout)

    async def ask(self, member: Endpoint, method: Method[Q, R], request: Q) -> R:
        """The answer of this very member, in one attempt."""
        deadline = time.monotonic() + self.settings.attempt_timeout
        answer = await _attempt(member, method, request, await self._metadata(deadline), deadline)
        if isinstance(answer, Fault):
            raise _error(method, member, answer)
        return answer

    @contextlib.asynccontextmanager
    async def stream(self, method: Method[Q, R]) -> AsyncIterator[Stream[Q, R]]:
        """A bidirectional stream to the current member, cancelled when the body ends."""
        metadata = await self._metadata(time.monotonic() + self.settings.call_timeout)
        member = self.current
        call = member.streaming(method)(metadata=metadata)
        try:
            yield Stream(self, member, method, call)
        finally:
            call.cancel()

    def failed(self, member: Endpoint, fault: Fault) -> None:
        """Take note of a failed attempt: forget the token, or move on from the member."""
        if fault.repeat is Repeat.AFTER_SIGN_IN:
            self._token = None
        if fault.elsewhere and member is self.current and len(self.members) > 1:
            self._current = (self._current + 1) % len(self.members)
            log.warning("left etcd at %s for %s: %s", member.address, self.current.address, fault.reason)

    async def _call(self, method: Method[Q, R], request: Q, idempotent: bool, deadline: float) -> R:
        for pause in backoff():
            metadata = _HAS_LEADER if method is AUTHENTICATE else await self._metadata(deadline)
            member = self.current
            attempt_deadline = min(deadline, time.monotonic() + self.settings.attempt_timeout)
            answer = await _attempt(member, method, request, metadata, attempt_deadline)
            if not isinstance(answer, Fault):
                return answer
            self.failed(member, answer)
            if time.monotonic() + pause >= deadline or not self._repeatable(answer, idempotent):
                raise _error(method, member, answer)
            self.observer.retried(str(method))
            await asyncio.sleep(pause)
        raise AssertionError("backoff never ends")

    def _repeatable(self, fault: Fault, idempotent: bool) -> bool:
        if fault.repeat is Repeat.AFTER_SIGN_IN:
            return bool(self.settings.username)
        return fault.repeat is Repeat.ALWAYS or (idempotent and fault.repeat is Repeat.IF_IDEMPOTENT)

    async def _metadata(self, deadline: float) -> Metadata:
        if not self.settings.username:
            return _HAS_LEADER
        async with self._signing_in:
            if self._token is None:
                self._token = await self._sign_in(self.settings.username, deadline)
        return (*_HAS_LEADER, ("token", self._token)) if self._token else _HAS_LEADER

    async def _sign_in(self, username: str, deadline: float) -> str:
        """A fresh token; the empty one where the cluster asks for none."""
        request = pb.AuthenticateRequest(name=username, password=_password(self.settings))
        try:
            return (await self._call(AUTHENTICATE, request, True, deadline)).token
        except AuthDisabled:
            log.warning("going on without password: authentication is not enabled in etcd")
            return ""


class Stream(Generic[Q, R]):
    """A bidirectional stream to one member; its end, however it comes, is a RegistryError."""

    def __init__(self, endpoints: Endpoints, member: Endpoint, method: Method[Q, R], call: Any) -> None:
        self._endpoints = endpoints
        self._member = member
        self._method = method
        self._call = call

    async def send(self, message: Q) -> None:
        """Send one message, within the attempt deadline."""
        try:
            async with asyncio.timeout(self._endpoints.settings.attempt_timeout):
                await self._call.write(message)
        except (grpc.aio.AioRpcError, TimeoutError, asyncio.CancelledError, asyncio.InvalidStateError) as error:
            raise self.broken(_fault(error)) from None

    async def receive(self, timeout: float) -> R:
        """The next message, within timeout seconds."""
        try:
            async with asyncio.timeout(timeout):
                message = await self._call.read()
                if message is grpc.aio.EOF:
                    raise self.broken(judge(await self._call.code(), await self._call.details()))
        except (grpc.aio.AioRpcError, TimeoutError, asyncio.CancelledError) as error:
            raise self.broken(_fault(error)) from None
        if not isinstance(message, self._method.response):
            raise self.broken(_UNREADABLE)
        return message

    def broken(self, fault: Fault) -> RegistryError:
        """The error to raise for a fault, after the endpoints have taken note of it."""
        self._endpoints.failed(self._member, fault)
        return _error(self._method, self._member, fault)


async def _attempt(
    member: Endpoint, method: Method[Q, R], request: Q, metadata: Metadata, deadline: float
) -> R | Fault:
    timeout = max(0.001, deadline - time.monotonic())
    try:
        response = await member.unary(method)(request, timeout=timeout, metadata=metadata)
    except (grpc.aio.AioRpcError, asyncio.CancelledError) as error:
        return _fault(error)
    return response if isinstance(response, method.response) else _UNREADABLE


def _fault(error: BaseException) -> Fault:
    """What an exception of grpc.aio means; our own cancellation is raised again."""
    if isinstance(error, grpc.aio.AioRpcError):
        return judge(error.code(), error.details() or "")
    if isinstance(error, TimeoutError):
        return Fault(Repeat.IF_IDEMPOTENT, RegistryUnavailable, "silent for too long")
    # Whoever waits on a call gets CancelledError when anyone has cancelled that call, such as a send that ran out of
    # time beside a receive. Only a task that was cancelled itself may end by it: a task group would not even notice.
    if isinstance(error, asyncio.CancelledError) and (task := asyncio.current_task()) and task.cancelling():
        raise error
    return Fault(Repeat.IF_IDEMPOTENT, RegistryUnavailable, "the stream was ended")


def _password(settings: EtcdSettings) -> str:
    """The password as it stands now; it may have been changed since the last time."""
    try:
        return _read_password(settings)
    except ConfigError as error:
        raise RegistryRefused(str(error)) from error


def _read_password(settings: EtcdSettings) -> str:
    try:
        return Path(settings.password_file).read_bytes().decode(errors="replace").rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"cannot read the password for etcd: {error}; see etcd.password_file") from error


def _error(method: Method[Any, Any], member: Endpoint, fault: Fault) -> RegistryError:
    return fault.error(f"cannot do {method} on etcd at {member.address}: {fault.reason}")
