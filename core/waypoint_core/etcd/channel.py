"""The channel to one member: its options and its certificates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from waypoint_core.errors import ConfigError
from waypoint_core.etcd.methods import Method, Q, R
from waypoint_core.etcd.targets import Target
from waypoint_core.settings import EtcdSettings

# etcd hangs up on clients that ping more often than every 5 s; a dead connection is noticed by deadlines long before,
# the pings make it be replaced. A subchannel pool of its own keeps other users of gRPC in the process out of it.
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
)


class Endpoint:
    """One member: its address and the one channel to it, shared by all calls and watches."""

    def __init__(self, target: Target, credentials: grpc.ChannelCredentials | None) -> None:
        self.address = target.address
        self._channel = (
            grpc.aio.secure_channel(target.address, credentials, options=_OPTIONS)
            if target.tls and credentials
            else grpc.aio.insecure_channel(target.address, options=_OPTIONS)
        )
        self._callables: dict[Method[Any, Any], Any] = {}

    def unary(self, method: Method[Q, R]) -> Any:
        """The multicallable of a unary RPC."""
        return self._callable(method, self._channel.unary_unary)

    def streaming(self, method: Method[Q, R]) -> Any:
        """The multicallable of a bidirectional RPC."""
        return self._callable(method, self._channel.stream_stream)

    def _callable(self, method: Method[Q, R], kind: Any) -> Any:
        if method not in self._callables:
            self._callables[method] = kind(
                method.path,
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        return self._callables[method]

    async def close(self) -> None:
        """Close the channel; calls under way are cancelled."""
        await self._channel.close(None)


def credentials(settings: EtcdSettings) -> grpc.ChannelCredentials:
    """CA and client certificate, read now. ConfigError when a file cannot be read."""
    return grpc.ssl_channel_credentials(
        root_certificates=read_file(settings.ca_file, "the CA of etcd"),
        private_key=read_file(settings.key_file, "the key for etcd"),
        certificate_chain=read_file(settings.cert_file, "the certificate for etcd"),
    )


def read_file(path: str, what: str) -> bytes | None:
    """The file's bytes, None where path is "". ConfigError when it cannot be read."""
    try:
        return Path(path).read_bytes() if path else None
    except OSError as error:
        raise ConfigError(f"cannot read {what}: {error}") from error
