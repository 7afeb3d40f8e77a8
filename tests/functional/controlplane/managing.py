"""The instance manager on a real etcd: members in this process, browsers on paper, a proxy that obeys claims."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace

import grpc.aio
from prometheus_client import CollectorRegistry

from functional.controlplane.outsider import Outsider
from waypoint_controlplane.fleet import Change, Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve.manager import InstanceManager
from waypoint_controlplane.serve.posted import Posted
from waypoint_controlplane.serve.server import Server
from waypoint_core.codec import decode, encode
from waypoint_core.etcd.tasks import TaskOwner
from waypoint_core.keys import Keys, browser_id, host_of
from waypoint_core.model import (
    Claim,
    ClaimKind,
    HostAlive,
    Instance,
    InstanceState,
    InstanceType,
    ProxyAlive,
    direct_addresses,
)
from waypoint_core.registry import Put as PutKey
from waypoint_core.registry import Registry, Unchanged, Written
from waypoint_core.settings import TlsSettings

BEAT_TTL = 60.0
"""So that what has registered lives, unless a test says otherwise."""


class Heard(Follower):
    """A follower that shows how many listen to it, and tells when that changes."""

    def __init__(self, registry: Registry, fleet: Fleet) -> None:
        super().__init__(registry, fleet)
        self.listeners = 0
        self._turned = asyncio.Event()

    @contextlib.contextmanager
    def listening(self, listener: Callable[[Change | None], None]) -> Iterator[None]:
        with super().listening(listener):
            self._count(1)
            try:
                yield
            finally:
                self._count(-1)

    async def left(self) -> None:
        """Returns once nobody listens."""
        while self.listeners:
            self._turned.clear()
            await self._turned.wait()

    def _count(self, more: int) -> None:
        self.listeners += more
        self._turned.set()


@dataclass
class Member:
    """One control plane that only serves."""

    follower: Heard
    server: Server
    metrics: CollectorRegistry
    client: Outsider
    following: asyncio.Task[None]
    serving: asyncio.Task[None]

    @property
    def fleet(self) -> Fleet:
        return self.follower.fleet

    async def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            await self.follower.until(holds)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.get_sample_value(name, labels)


@dataclass
class Managing:
    """Members over one registry, and what agents and proxies would write."""

    registry: Registry
    keys: Keys
    tasks: TaskOwner
    stack: contextlib.AsyncExitStack
    proxy: ProxyAlive = field(default_factory=lambda: ProxyAlive("e", "h", "10.0.0.1:9222", direct_port=21000))

    async def member(
        self, *, keepalive: float = 20, beat_ttl: float = BEAT_TTL, registry: Registry | None = None
    ) -> Member:
        """A member that serves."""
        registry = registry or self.registry
        follower = Heard(registry, Fleet(self.keys))
        metrics = CollectorRegistry()
        posted = Posted(follower.fleet, metrics)
        manager = InstanceManager(registry, follower, posted, beat_ttl)
        server = Server("127.0.0.1:0", TlsSettings(), manager.services(), metrics, follower.listed, keepalive=keepalive)
        following = self.tasks.start(follower.run(), name="follower")
        serving = self.tasks.start(server.serve(), name="server")
        await server.started.wait()
        await follower.listed()
        channel = await self.stack.enter_async_context(grpc.aio.insecure_channel(server.address))
        return Member(follower, server, metrics, Outsider(channel), following, serving)

    async def host(self, *, proxy: bool = True) -> None:
        """A living host `h`, with a proxy on it."""
        await self.registry.put(self.keys.host_alive("h"), encode(HostAlive("e", "b", 4)))
        if proxy:
            await self.registry.put(self.keys.proxy("p"), encode(self.proxy))

    async def browser(self, slot: int = 0, **changes: object) -> str:
        """A ready browser on `h`."""
        browser = browser_id("h", slot, f"{slot:032x}")
        record = Instance(
            InstanceType.CHROME_BROWSER,
            InstanceState.READY,
            slot=slot,
            generation=1,
            endpoints={"cdp": f"ws://127.0.0.1:{20000 + slot}/devtools/browser/b"},
        )
        await self.registry.put(self.keys.instance("h", browser), encode(replace(record, **changes)))  # type: ignore[arg-type]
        return browser

    async def obeying(self, *, gives_up: bool = False) -> None:
        """From now on the proxy serves what is claimed for it, or deletes each claim."""
        listening = asyncio.Event()
        self.tasks.start(self._obey(listening, gives_up=gives_up), name="proxy")
        await listening.wait()

    async def _obey(self, listening: asyncio.Event, *, gives_up: bool) -> None:
        async with self.registry.watch(self.keys.claims) as events:
            async for event in events:
                listening.set()
                if isinstance(event, Written):
                    claim = decode(Claim, event.entry.value, event.entry.key)
                    (browser,) = self.keys.parts(event.entry.key, self.keys.claims)
                    if claim.kind is ClaimKind.DIRECT and not claim.address:
                        await (self.registry.delete(event.entry.key) if gives_up else self._serve(browser, claim))

    async def _serve(self, browser: str, claim: Claim) -> None:
        key = self.keys.claim(browser)
        entry = await self.registry.get(key)
        record = await self.registry.get(self.keys.instance(host_of(browser), browser))
        assert entry
        assert record
        address = direct_addresses(self.proxy, decode(Instance, record.value, record.key))["cdp"]
        await self.registry.transact(
            [Unchanged(key, entry.mod_revision)], [PutKey(key, encode(replace(claim, address=address)))]
        )

    async def there(self) -> dict[str, bytes]:
        """Everything below the prefix."""
        listing = await self.registry.list(self.keys.prefix)
        return {entry.key.removeprefix(self.keys.prefix): entry.value for entry in listing.entries}

    async def record(self, key: str) -> dict[str, object] | None:
        """One key's value."""
        value = (await self.there()).get(key)
        return None if value is None else dict(json.loads(value))


async def managing(registry: Registry, keys: Keys) -> AsyncIterator[Managing]:
    """For the duration of a test."""
    async with TaskOwner() as tasks, contextlib.AsyncExitStack() as stack:
        yield Managing(registry, keys, tasks, stack)
