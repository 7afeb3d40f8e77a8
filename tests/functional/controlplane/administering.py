"""waypoint.v1 through its real gRPC server, on a real etcd; hosts, browsers and proxies are records there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.api.binding import Stub
from waypoint_controlplane.events import Chronicle
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve.administration import Administration
from waypoint_controlplane.serve.hosts import Hosts
from waypoint_controlplane.serve.instances import Instances
from waypoint_controlplane.serve.server import Server
from waypoint_controlplane.serve.sessions import Sessions
from waypoint_core.codec import encode
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import HostAlive, Instance, InstanceState, InstanceType
from waypoint_core.registry import Condition, Operation, Outcome, Registry
from waypoint_core.settings import Settings, TlsSettings
from waypoint_core.status.reports import JournalReport, SessionReport

PATIENCE = 20
HOST = "h"


class Peers:
    """One proxy that reports a session that lives and one that has ended, and another that does not answer."""

    async def sessions(self) -> tuple[list[tuple[str, SessionReport]], list[str]]:
        lives = SessionReport(browser_id(HOST, 0, "0" * 32), "cdp", since=1.0)
        ended = SessionReport(browser_id(HOST, 1, "0" * 32), "cdp", ended=2.0)
        return [("p", lives), ("p", ended)], ["q: away"]

    async def journal(self, host: str, unit: str, lines: int, *, follow: bool) -> AsyncIterator[JournalReport]:
        yield JournalReport(1.0, unit, 6, "hello")


@dataclass(frozen=True)
class Administered:
    """A member that serves, and what is written for it."""

    registry: Registry
    keys: Keys
    tasks: TaskOwner
    follower: Follower
    chronicle: Chronicle
    administration: Administration
    hosts: Stub
    instances: Stub
    sessions: Stub
    fleet: Stub

    @property
    def tables(self) -> Fleet:
        return self.follower.fleet

    async def until(self, holds: Callable[[], object]) -> None:
        """Returns once the member's tables are so."""
        async with asyncio.timeout(PATIENCE):
            await self.follower.until(lambda: bool(holds()))

    async def host(self) -> None:
        """A living host."""
        await self.registry.put(self.keys.host_alive(HOST), encode(HostAlive("e", "b", 4)))
        await self.until(lambda: HOST in self.tables.alive)

    async def browser(self) -> str:
        """A ready browser on it, which nobody has claimed."""
        browser = browser_id(HOST, 0, f"{0:032x}")
        record = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, slot=0, generation=1)
        await self.registry.put(self.keys.instance(HOST, browser), encode(record))
        await self.until(lambda: browser in self.tables.instances)
        return browser


@contextlib.asynccontextmanager
async def administered(registry: Registry, keys: Keys) -> AsyncIterator[Administered]:
    """For the duration of a test."""
    async with TaskOwner() as tasks:
        follower = Follower(registry, Fleet(keys))
        chronicle = Chronicle(follower)
        administration = Administration(registry, follower, keys, peers=Peers(), chronicle=chronicle, name="me")
        services = {
            "Hosts": Hosts(registry, follower, keys),
            "Instances": Instances(registry, follower, keys),
            "Sessions": Sessions(registry, follower, keys, Peers(), Settings()),
            "Fleet": administration,
        }
        described = pb.DESCRIPTOR.services_by_name
        offered = [(described[name], service) for name, service in services.items()]
        server = Server("127.0.0.1:0", TlsSettings(), offered, CollectorRegistry(), follower.listed)
        for loop in (follower.run(), chronicle.run(), server.serve()):
            tasks.start(loop, name="member")
        await server.started.wait()
        await follower.listed()
        async with grpc.aio.insecure_channel(server.address) as channel:
            stubs = {name.lower(): Stub(described[name], channel) for name in services}
            yield Administered(registry, keys, tasks, follower, chronicle, administration, **stubs)


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str]:
    """With which code and which words a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        async with asyncio.timeout(PATIENCE):
            await call
    return error.value.code(), str(error.value.details())


def loses_a_race(monkeypatch: pytest.MonkeyPatch, registry: Registry, *others: tuple[str, bytes]) -> None:
    """Others write these keys just before the next transaction."""
    transact, ahead = registry.transact, list(others)

    async def late(
        conditions: Sequence[Condition], then: Sequence[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        while ahead:
            await registry.put(*ahead.pop(0))
        return await transact(conditions, then, otherwise)

    monkeypatch.setattr(registry, "transact", late)
