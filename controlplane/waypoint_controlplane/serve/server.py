"""The gRPC server: listening, TLS, health checking, reflection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry

from waypoint_controlplane.api import binding
from waypoint_controlplane.serve.guard import Guard
from waypoint_core.address import joined, split
from waypoint_core.errors import ConfigError
from waypoint_core.settings import TlsSettings
from waypoint_core.tls import is_loopback, server_credentials

log = logging.getLogger("waypoint.controlplane.server")

MAX_MESSAGE = 4 * 2**20
_FAREWELL = 1.0
_MAX_CALLS = 10_000

Service = tuple[ServiceDescriptor, object]
"""A service and who implements it; see `binding`."""


class Server:
    """Serves these services, standard health checking and reflection at listen, host:port.

    Until `listed` returns, health checking says NOT_SERVING and every call is UNAVAILABLE. A client that has not been
    heard of for `keepalive` seconds is asked, and cut off if it does not answer within half of that.
    """

    def __init__(
        self,
        listen: str,
        tls: TlsSettings,
        services: Sequence[Service],
        metrics: CollectorRegistry,
        listed: Callable[[], Awaitable[None]],
        *,
        keepalive: float = 20.0,
    ) -> None:
        self._listen = listen
        self._tls = tls
        self._services = services
        self._guard = Guard(metrics)
        self._listed = listed
        self._keepalive = keepalive
        self.address = ""
        self.started = asyncio.Event()

    async def serve(self) -> None:
        """Serve until cancelled. ConfigError when the address cannot be had, or must not be used as it is."""
        credentials = _credentials(self._listen, self._tls)
        checks = health.aio.HealthServicer()
        names = [descriptor.full_name for descriptor, _ in self._services]
        async with self._running(self._assemble(checks, names), credentials):
            await self._tell(checks, names, health_pb2.HealthCheckResponse.NOT_SERVING)
            self.started.set()
            log.info("gRPC at %s%s", self.address, "" if credentials else ", without TLS")
            try:
                await self._listed()
                self._guard.open = True
                await self._tell(checks, names, health_pb2.HealthCheckResponse.SERVING)
                await asyncio.Event().wait()
            finally:
                await checks.enter_graceful_shutdown()

    def _assemble(self, checks: health.aio.HealthServicer, names: Sequence[str]) -> grpc.aio.Server:
        handlers = [binding.handler(descriptor, served, self._guard) for descriptor, served in self._services]
        server = grpc.aio.server(options=_options(self._keepalive), maximum_concurrent_rpcs=_MAX_CALLS)
        server.add_generic_rpc_handlers(handlers)
        health_pb2_grpc.add_HealthServicer_to_server(checks, server)
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), server)
        return server

    @asynccontextmanager
    async def _running(
        self, server: grpc.aio.Server, credentials: grpc.ServerCredentials | None
    ) -> AsyncIterator[None]:
        try:
            if credentials:
                port = server.add_secure_port(self._listen, credentials)
            else:
                port = server.add_insecure_port(self._listen)
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen on {self._listen} for gRPC: another program may have the port, "
                "or the address is not this machine's; set controlplane.listen"
            ) from error
        self.address = joined(split(self._listen)[0], port)
        await server.start()
        try:
            yield
        finally:
            await server.stop(_FAREWELL)

    @staticmethod
    async def _tell(
        checks: health.aio.HealthServicer,
        names: Sequence[str],
        status: health_pb2.HealthCheckResponse.ServingStatus,
    ) -> None:
        for name in ("", *names):
            await checks.set(name, status)


def _credentials(listen: str, tls: TlsSettings) -> grpc.ServerCredentials | None:
    credentials = server_credentials(tls)
    if credentials is None and not is_loopback(listen):
        raise ConfigError(
            f"cannot serve gRPC at {listen} without certificates, since everybody could end every session: "
            "set tls.cert_file and tls.key_file (and tls.ca_file, so that clients must present one too), "
            "or set controlplane.listen to a loopback address such as 127.0.0.1:50052"
        )
    return credentials


def _options(keepalive: float) -> Sequence[tuple[str, int]]:
    return (
        ("grpc.max_receive_message_length", MAX_MESSAGE),
        # An answer may be larger: a list of all instances of a large fleet is, and the client decides what it takes.
        ("grpc.max_send_message_length", -1),
        ("grpc.max_concurrent_streams", 1000),
        # Two control planes must not share a port unnoticed.
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", int(keepalive * 1000)),
        ("grpc.keepalive_timeout_ms", int(keepalive * 500)),
        # Without it gRPC waits a minute for the answer to the ping, whatever the line above says.
        ("grpc.http2.ping_timeout_ms", int(keepalive * 500)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # Clients may ask more often than gRPC's five minutes whether we are there.
        ("grpc.http2.min_ping_interval_without_data_ms", 5000),
    )
