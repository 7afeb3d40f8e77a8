"""The same certificates with gRPC: both sides must present one of the fleet's."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from functional.etcd.certificates import Authority
from functional.status.conftest import Fleet
from waypoint_core.settings import TlsSettings
from waypoint_core.tls import channel_credentials, server_credentials


@contextlib.asynccontextmanager
async def serving(settings: TlsSettings) -> AsyncIterator[str]:
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(settings))
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


async def check(address: str, settings: TlsSettings) -> int:
    async with grpc.aio.secure_channel(address, channel_credentials(settings)) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=20)
        return int(answer.status)


async def test_both_sides_present_a_certificate(fleet: Fleet, tmp_path: Path) -> None:
    mine = fleet.settings(fleet.authority.issue("host-a"))
    stranger = Authority(tmp_path, "other").issue("stranger")
    async with serving(mine) as address:
        assert await check(address, mine) == health_pb2.HealthCheckResponse.SERVING
        for settings in (TlsSettings(ca_file=mine.ca_file), fleet.settings(stranger)):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await check(address, settings)
            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
    async with serving(replace(mine, ca_file="")) as address:
        assert await check(address, TlsSettings(ca_file=mine.ca_file)) == health_pb2.HealthCheckResponse.SERVING
