"""The status endpoint's troubles stay its own."""

import asyncio
import socket
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from functional.etcd.cluster import free_ports
from waypoint_agent import endpoint
from waypoint_core.settings import AgentSettings, Settings, TlsSettings
from waypoint_core.status.client import StatusClient


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("waypoint_core.status.endpoint._RETRY", 0.01)


async def test_a_port_that_is_taken_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    [port] = free_ports(1)
    address = f"127.0.0.1:{port}"
    told: asyncio.Queue[str] = asyncio.Queue()
    settings = Settings(agent=AgentSettings(status_listen=address))
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        with socket.create_server(("127.0.0.1", port)):
            task = group.create_task(endpoint.serve(settings, CollectorRegistry(), told.put_nowait))
            assert [await told.get(), await told.get()] == [address, ""]
        assert await told.get() == address
        assert await StatusClient(None).get(address, "/healthz", 20) == b"ok\n"
        task.cancel()
    assert f"cannot listen on {address}" in caplog.text
    assert "goes on without its status endpoint" in caplog.text


async def test_a_certificate_that_is_not_there_ends_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    told: asyncio.Queue[str] = asyncio.Queue()
    settings = Settings(tls=TlsSettings(cert_file=str(tmp_path / "cert.pem"), key_file=str(tmp_path / "key.pem")))
    async with asyncio.TaskGroup() as group, asyncio.timeout(30):
        task = group.create_task(endpoint.serve(settings, CollectorRegistry(), told.put_nowait))
        assert [await told.get(), await told.get()] == ["", ""]
        task.cancel()
    assert f"cannot read certificate {tmp_path}/cert.pem" in caplog.text
