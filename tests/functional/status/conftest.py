"""Endpoints on free loopback ports, with and without certificates."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvloop
from prometheus_client import CollectorRegistry

from functional.etcd.certificates import Authority, Pair
from functional.etcd.cluster import free_ports
from waypoint_core.settings import TlsSettings
from waypoint_core.status.server import StatusServer


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Daemons run on uvloop, whose streams and TLS are its own; waypointctl does not."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


Serve = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def serve() -> Serve:
    """Runs an endpoint with these arguments of StatusServer; gives its address."""

    @contextlib.asynccontextmanager
    async def serving(
        metrics: CollectorRegistry | None = None, host: str = "127.0.0.1", **options: Any
    ) -> AsyncIterator[str]:
        address = f"{host}:{free_ports(1)[0]}"
        async with asyncio.TaskGroup() as group:
            task = group.create_task(StatusServer(metrics or CollectorRegistry(), **options).serve(address))
            await asyncio.sleep(0)  # it listens from its first step on, and tells nobody
            yield address.replace("[::]", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")
            task.cancel()

    return serving


@dataclass(frozen=True)
class Fleet:
    """A CA and how its members are configured."""

    authority: Authority

    def settings(self, pair: Pair) -> TlsSettings:
        return TlsSettings(str(pair.certificate), str(pair.key), str(self.authority.certificate))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(Authority(tmp_path, "fleet"))
