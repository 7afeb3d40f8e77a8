"""The gRPC server itself: health, reflection, limits, certificates, bad clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import CollectorRegistry

from functional.controlplane.managing import Managing
from functional.controlplane.outsider import Outsider, described, refused
from functional.etcd.cable import Cable
from functional.etcd.certificates import Authority
from functional.etcd.cluster import free_ports
from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.follow import TooSlow
from waypoint_controlplane.serve.server import Server
from waypoint_core.errors import CodecError, ConfigError, LeaseLost, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.settings import TlsSettings
from waypoint_core.tls import channel_credentials

SERVICE = pb.DESCRIPTOR.services_by_name["GetService"]
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Broken:
    """Fails as it was made to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def get_all_instances(self, request: Any, context: Any) -> pb.AllInstancesResponse:
        if self.error:
            raise self.error
        return pb.AllInstancesResponse()

    async def get_instance(self, request: Any, context: Any) -> pb.InstanceDescription:
        await context.abort(grpc.StatusCode.DATA_LOSS, "by its own hand")
        raise AssertionError


@contextlib.asynccontextmanager
async def serving(
    served: Broken,
    *,
    listen: str = "127.0.0.1:0",
    tls: TlsSettings | None = None,
    listed: asyncio.Event | None = None,
    metrics: CollectorRegistry | None = None,
) -> AsyncIterator[Server]:
    if listed is None:
        listed = asyncio.Event()
        listed.set()

    async def until_listed() -> None:
        await listed.wait()

    server = Server(listen, tls or TlsSettings(), [(SERVICE, served)], metrics or CollectorRegistry(), until_listed)
    async with TaskOwner() as tasks:
        tasks.start(server.serve(), name="server")
        await server.started.wait()
        yield server


async def health(channel: grpc.aio.Channel, service: str = "") -> int:
    answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service), timeout=20)
    return int(answer.status)


async def test_it_serves_only_once_the_registry_was_read() -> None:
    listed = asyncio.Event()
    async with serving(Broken(), listed=listed) as server, grpc.aio.insecure_channel(server.address) as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == NOT_SERVING
        code, text = await refused(Outsider(channel).all())
        assert code is grpc.StatusCode.UNAVAILABLE
        assert "still reading the registry" in text
        listed.set()
        assert (await watch.read()).status == SERVING
        assert await health(channel, "instance_manager.GetService") == SERVING
        assert await Outsider(channel).all() == []
        watch.cancel()


async def test_reflection() -> None:
    async with serving(Broken()) as server, grpc.aio.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        call = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        found = {service.name for service in (await call.read()).list_services_response.service}
        call.cancel()
    assert found == {
        "instance_manager.GetService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (CodecError("cannot use 'X' as a host name"), grpc.StatusCode.INVALID_ARGUMENT, "cannot use 'X'"),
        (RegistryUnavailable("cannot reach etcd"), grpc.StatusCode.UNAVAILABLE, "try again"),
        (LeaseLost("cannot find lease 1"), grpc.StatusCode.UNAVAILABLE, "try again"),
        (RegistryRefused("cannot put: no space"), grpc.StatusCode.FAILED_PRECONDITION, "operator"),
        (TooSlow("cannot keep more"), grpc.StatusCode.RESOURCE_EXHAUSTED, "read faster"),
        (ZeroDivisionError("secret"), grpc.StatusCode.INTERNAL, "ZeroDivisionError"),
    ],
)
async def test_errors(error: Exception, code: grpc.StatusCode, words: str, caplog: pytest.LogCaptureFixture) -> None:
    metrics = CollectorRegistry()
    async with (
        serving(Broken(error), metrics=metrics) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        found, text = await refused(Outsider(channel).all())
    assert found is code
    assert words in text
    assert "secret" not in text
    assert "Traceback" not in text
    logged = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(logged) == (1 if code is grpc.StatusCode.INTERNAL else 0)
    method = "/instance_manager.GetService/GetAllInstances"
    assert metrics.get_sample_value("waypoint_controlplane_calls_total", {"method": method, "code": code.name}) == 1
    assert metrics.get_sample_value("waypoint_controlplane_call_duration_seconds_count", {"method": method}) == 1


async def test_a_service_may_end_a_call_itself() -> None:
    async with serving(Broken()) as server, grpc.aio.insecure_channel(server.address) as channel:
        assert await refused(Outsider(channel).get("a")) == (grpc.StatusCode.DATA_LOSS, "by its own hand")


async def test_without_certificates_it_serves_this_machine_only() -> None:
    for listen in ("0.0.0.0:0", "[::]:0", "10.1.2.3:50052", "waypoint.example:50052"):
        server = Server(listen, TlsSettings(), [], CollectorRegistry(), asyncio.Event().wait)  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"cannot serve gRPC at .* tls.cert_file and tls.key_file"):
            await server.serve()


async def test_a_port_is_not_shared() -> None:
    (port,) = free_ports(1)
    async with serving(Broken(), listen=f"127.0.0.1:{port}"):
        with pytest.raises(ExceptionGroup) as taken:
            async with serving(Broken(), listen=f"127.0.0.1:{port}"):
                pass
    assert taken.group_contains(ConfigError, match="controlplane.listen")


async def test_mutual_tls(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path, "fleet"), Authority(tmp_path, "strangers")

    def settings(source: Authority, name: str) -> TlsSettings:
        pair = source.issue(name)
        return TlsSettings(str(pair.certificate), str(pair.key), str(authority.certificate))

    async with serving(Broken(), listen="0.0.0.0:0", tls=settings(authority, "server")) as server:
        address = server.address.replace("0.0.0.0", "127.0.0.1")
        async with grpc.aio.secure_channel(address, channel_credentials(settings(authority, "me"))) as channel:
            assert await Outsider(channel).all() == []
        for bad in (settings(stranger, "me"), TlsSettings(ca_file=str(authority.certificate))):
            async with grpc.aio.secure_channel(address, channel_credentials(bad)) as channel:
                assert (await refused(Outsider(channel).all()))[0] is grpc.StatusCode.UNAVAILABLE
        async with grpc.aio.insecure_channel(address) as channel:
            assert (await refused(Outsider(channel).all()))[0] is grpc.StatusCode.UNAVAILABLE


async def test_an_oversized_message_changes_nothing(managed: Managing) -> None:
    member = await managed.member()
    before = await managed.there()
    code, text = await refused(member.client.add("a" * 5_000_000))
    assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "4194304" in text
    # Just below the limit it is the rule for ids that refuses, with a message of sensible length.
    code, text = await refused(member.client.add("a" * 4_000_000))
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert len(text) < 200
    assert await managed.there() == before
    assert await member.client.add("a")


async def test_what_is_no_message(managed: Managing) -> None:
    member = await managed.member()
    async with grpc.aio.insecure_channel(member.server.address) as channel:
        call = channel.unary_unary("/instance_manager.TryService/TryAddInstance")
        code, _ = await refused(call(b"\xff\xff\xff", timeout=20))
        assert code is not grpc.StatusCode.OK
        unknown = channel.unary_unary("/instance_manager.TryService/Unknown")
        assert (await refused(unknown(b"", timeout=20)))[0] is grpc.StatusCode.UNIMPLEMENTED
    assert await managed.there() == {}
    assert await member.client.all() == []


async def test_a_half_open_stream_is_ended(managed: Managing) -> None:
    member = await managed.member(keepalive=1)
    async with Cable(member.server.address) as cable, grpc.aio.insecure_channel(cable.address) as channel:
        updates = await Outsider(channel).subscribe()
        assert member.follower.listeners == 1
        cable.stall()
        async with asyncio.timeout(20):
            await member.follower.left()
        updates.end()
        cable.cut()
    method = "/instance_manager.SubscribeService/SubscribeToInstanceUpdates"
    assert member.sample("waypoint_controlplane_calls_total", method=method, code="CANCELLED") == 1


async def test_a_client_that_leaves_ends_its_stream(managed: Managing) -> None:
    member = await managed.member()
    (await member.client.subscribe()).end()
    async with asyncio.timeout(20):
        await member.follower.left()


async def test_stopping_ends_streams(managed: Managing) -> None:
    member = await managed.member()
    updates = await member.client.subscribe()
    member.serving.cancel()
    with pytest.raises(grpc.aio.AioRpcError) as ended:
        await updates.next()
    assert ended.value.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    await asyncio.wait([member.serving])
    assert (await refused(member.client.call("TryService", "TryAddInstance", described("a", "VLLM"))))[
        0
    ] is grpc.StatusCode.UNAVAILABLE
