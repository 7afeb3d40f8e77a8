"""The channel to one member, and its options."""

from __future__ import annotations

from typing import Any

import grpc
import grpc.aio

from waypoint_core.etcd.methods import Method, Q, R
from waypoint_core.etcd.targets import Target

# etcd hangs up on clients that ping more often than every 5 s. A dead connection is noticed by deadlines long before;
# the pings make it be replaced while a lease that could not be renewed over it still lives.
PING_AFTER = 6.0
PING_TIMEOUT = 4.0

# Of an attempt's time: when a connection that is not made by then fails, the attempt still waits for it, and so knows
# that nothing was sent.
_CONNECTING = 2 / 3

# A subchannel pool of its own keeps other users of gRPC in the process out of it. keepalive_timeout ends connections
# whose bytes nobody acknowledges; one that takes all and answers nothing has a minute if ping_timeout does not end it.
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.service_config_disable_resolution", 1),
)


class Endpoint:
    """One member: its address and the one channel to it, shared by all calls and watches."""

    def __init__(self, target: Target, credentials: grpc.ChannelCredentials | None, attempt_timeout: float) -> None:
        self.address = target.address
        options = _options(attempt_timeout)
        self._channel = (
            grpc.aio.secure_channel(target.address, credentials, options=options)
            if target.tls and credentials
            else grpc.aio.insecure_channel(target.address, options=options)
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


def _options(attempt_timeout: float) -> tuple[tuple[str, int], ...]:
    return (
        *_OPTIONS,
        ("grpc.keepalive_time_ms", _milliseconds(PING_AFTER)),
        ("grpc.http2.ping_timeout_ms", _milliseconds(PING_TIMEOUT)),
        # In spite of its name, how long gRPC lets one connection take to be made.
        ("grpc.min_reconnect_backoff_ms", _milliseconds(attempt_timeout * _CONNECTING)),
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
