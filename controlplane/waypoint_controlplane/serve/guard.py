"""Stands before every method: turns what it raises into a status with a message, and measures."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from typing import Any

import grpc
import grpc.aio
from prometheus_client import CollectorRegistry, Counter, Histogram

from waypoint_controlplane.follow import TooSlow
from waypoint_controlplane.serve.errors import Refusal
from waypoint_core.errors import CodecError, ConfigError, RegistryError, RegistryRefused, WaypointError

log = logging.getLogger("waypoint.controlplane.serve")

_LONGEST_MESSAGE = 1000
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_NOT_LISTED = Refusal(
    grpc.StatusCode.UNAVAILABLE, "cannot answer yet: this control plane is still reading the registry; try again"
)

_STATUSES: Sequence[tuple[type[Exception], grpc.StatusCode, str]] = (
    (CodecError, grpc.StatusCode.INVALID_ARGUMENT, "{}"),
    (
        RegistryRefused,
        grpc.StatusCode.FAILED_PRECONDITION,
        "cannot write to the registry, an operator has to mend it: {}",
    ),
    (RegistryError, grpc.StatusCode.UNAVAILABLE, "cannot use the registry now, try again: {}"),
    (TooSlow, grpc.StatusCode.RESOURCE_EXHAUSTED, "{}; read faster, or subscribe again and list what there is"),
    (ConfigError, grpc.StatusCode.INTERNAL, "{}"),
    (WaypointError, grpc.StatusCode.UNAVAILABLE, "{}"),
)


class Guard:
    """Wraps methods; see `waypoint_controlplane.api.binding.Guard`. Until it is opened, every call is UNAVAILABLE."""

    def __init__(self, metrics: CollectorRegistry) -> None:
        self.open = False
        self._calls = Counter(
            "waypoint_controlplane_calls_total",
            "gRPC calls that ended, by method and status code; a stream counts when it ends.",
            ("method", "code"),
            registry=metrics,
        )
        self._seconds = Histogram(
            "waypoint_controlplane_call_duration_seconds",
            "How long gRPC calls took that are answered once, by method; streams are left out.",
            ("method",),
            buckets=_BUCKETS,
            registry=metrics,
        )

    def __call__(self, path: str, serve: Callable[..., Any]) -> Callable[..., Any]:
        """The method of this path, guarded. Messages of an asynchronous generator are streamed."""
        return self._stream(path, serve) if inspect.isasyncgenfunction(serve) else self._unary(path, serve)

    def _unary(self, path: str, serve: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(request: Any, context: grpc.aio.ServicerContext) -> Any:
            began = time.monotonic()
            with self._counted(path, context):
                try:
                    self._check_open()
                    return await serve(request, context)
                except Exception as error:  # noqa: BLE001 - whatever it is becomes a status
                    await _abort(path, context, error)
                finally:
                    self._seconds.labels(path).observe(time.monotonic() - began)

        return answer

    def _stream(self, path: str, serve: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(request: Any, context: grpc.aio.ServicerContext) -> None:
            with self._counted(path, context):
                try:
                    self._check_open()
                    async with aclosing(serve(request, context)) as messages:
                        async for message in messages:
                            await context.write(message)
                except Exception as error:  # noqa: BLE001 - whatever it is becomes a status
                    await _abort(path, context, error)

        return answer

    def _check_open(self) -> None:
        if not self.open:
            raise _NOT_LISTED

    @contextmanager
    def _counted(self, path: str, context: grpc.aio.ServicerContext) -> Iterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            self._calls.labels(path, grpc.StatusCode.CANCELLED.name).inc()
            raise
        except BaseException:
            self._calls.labels(path, _code(context).name).inc()
            raise
        self._calls.labels(path, grpc.StatusCode.OK.name).inc()


async def _abort(path: str, context: grpc.aio.ServicerContext, error: Exception) -> None:
    """End the call with the status that the error stands for; always raises."""
    if isinstance(error, grpc.aio.AbortError):
        raise error
    code, message = status(error)
    if code is grpc.StatusCode.INTERNAL:
        log.error("cannot serve %s: %r", path, error, exc_info=error)
    else:
        log.debug("%s: %s: %s", path, code.name, message)
    await context.abort(code, message[:_LONGEST_MESSAGE])


def status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """The code and the message that a client gets for this error."""
    if isinstance(error, Refusal):
        return error.code, str(error)
    for kind, code, message in _STATUSES:
        if isinstance(error, kind):
            return code, message.format(error)
    return grpc.StatusCode.INTERNAL, f"cannot serve this: {type(error).__name__}; the control plane's log says more"


def _code(context: grpc.aio.ServicerContext) -> grpc.StatusCode:
    """The code that a call was ended with."""
    code = context.code()
    return code if isinstance(code, grpc.StatusCode) else grpc.StatusCode.UNKNOWN
