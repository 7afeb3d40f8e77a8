"""Handlers for a server and stubs for a client, made from a service's descriptor.

A method `TryAddInstance` of the interface is the method `try_add_instance` of whoever implements it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

Guard = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""Wraps the implementation of the method of this path, to turn what it raises into a status."""


def handler(service: ServiceDescriptor, implementation: object, guard: Guard) -> grpc.GenericRpcHandler:
    """What a server needs to serve this service; streaming methods are asynchronous generators."""
    methods = {}
    for method in service.methods:
        serve = guard(path(method), getattr(implementation, attribute(method)))
        make = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        methods[method.name] = make(
            serve,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.full_name, methods)


class Stub:
    """Callables for a service's methods on a channel, of grpc or of grpc.aio, named as `handler` does."""

    def __init__(self, service: ServiceDescriptor, channel: Any) -> None:
        for method in service.methods:
            make = channel.unary_stream if method.server_streaming else channel.unary_unary
            call = make(
                path(method),
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            setattr(self, attribute(method), call)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the service has no method {name}")


def path(method: MethodDescriptor) -> str:
    """As it stands in a request: /package.Service/Method."""
    return f"/{method.containing_service.full_name}/{method.name}"


def attribute(method: MethodDescriptor) -> str:
    """The method's name in Python."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower()
