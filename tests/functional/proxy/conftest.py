"""A whole proxy on a memory registry, with real browsers behind it and real sockets before it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import uvloop
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from functional.etcd.cluster import free_ports
from functional.proxy.pool import HOST, Pool, running
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.settings import HostSettings, ProxySettings, Settings
from waypoint_proxy import tunnel
from waypoint_proxy.daemon import Proxy
from waypoint_proxy.listeners import Listeners


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the daemon runs on."""
    return {"uvloop": uvloop.new_event_loop}


class Turns(asyncio.Event):
    """An event that can also be waited for each time that it is set, however soon somebody clears it."""

    def __init__(self) -> None:
        super().__init__()
        self._next = asyncio.Event()

    def set(self) -> None:
        super().set()
        self._next.set()
        self._next = asyncio.Event()

    async def turn(self) -> None:
        """Returns once it is set again."""
        await self._next.wait()


@dataclass
class Site:
    """One proxy and all that it talks to."""

    proxy: Proxy
    reserve_changed: Turns
    pool: Pool
    registry: MemoryRegistry
    port: int
    status: int
    collectors: CollectorRegistry
    tzafonwright: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def tw(self) -> str:
        return f"ws://127.0.0.1:{self.tzafonwright}"

    def connect(self, path: str = "/", *, compression: str | None = None) -> connect:
        return connect(self.ws + path, compression=compression, max_size=None, ping_interval=None, open_timeout=40)

    async def raw(self, data: bytes) -> bytes:
        """All that is answered to these bytes until the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            async with asyncio.timeout(30):
                return await reader.read(-1)
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def get(self, path: str, *headers: str) -> tuple[str, dict[str, str], bytes]:
        """Status line, headers by lower-case name, body."""
        head = "\r\n".join([f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", *headers])
        top, _, body = (await self.raw(head.encode() + b"\r\n\r\n")).partition(b"\r\n\r\n")
        status, *fields = top.decode().split("\r\n")
        return status, {k.lower(): v for k, v in (field.split(": ", 1) for field in fields)}, body


class Cdp:
    """The least of a CDP client."""

    def __init__(self, ws: ClientConnection) -> None:
        self.ws = ws
        self._id = 0

    async def call(self, method: str, params: dict[str, object] | None = None, session: str = "") -> dict[str, object]:
        self._id += 1
        message = {"id": self._id, "method": method, "params": params or {}}
        await self.ws.send(json.dumps(message | ({"sessionId": session} if session else {})))
        async with asyncio.timeout(60):
            while (answer := json.loads(await self.ws.recv())).get("id") != self._id:
                pass
        assert "error" not in answer, answer
        return answer["result"]


PATIENT = {"handshake_timeout": 30.0, "upgrade_timeout": 30.0, "browser_timeout": 20.0, "attach_timeout": 30.0}
"""No test is about how soon these things happen."""
LATE = 5.0
"""For a test in which one of them is not to happen: what is to happen under the same limit is there long before."""

Start = Callable[..., contextlib.AbstractAsyncContextManager[Site]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a site: start(slots=1, server="/a/socket", client_timeout=2.0, ...) with any [proxy] setting."""

    @contextlib.asynccontextmanager
    async def started(slots: int = 1, server: str = "/nowhere", **chosen: object) -> AsyncIterator[Site]:
        registry = MemoryRegistry()
        collectors = CollectorRegistry()
        path = tmp_path / "hold.sock"
        [status] = free_ports(1)
        own = {"name": "testproxy", "status_listen": f"127.0.0.1:{status}", "direct_port": direct_port(slots)}
        settings = replace(
            Settings(),
            host=HostSettings(name=HOST, hold_socket=str(path), tzafonwright_socket=server),
            proxy=ProxySettings(**PATIENT | own | chosen),
        )
        with listening() as cdp, listening() as tzafonwright:
            async with running(Pool(registry, Keys(), path, slots)) as pool, asyncio.TaskGroup() as group:
                proxy = Proxy(settings, registry, collectors)
                proxy.reserve.changed = changed = Turns()
                ports = [listener.getsockname()[1] for listener in (cdp, tzafonwright)]
                site = Site(proxy, changed, pool, registry, ports[0], status, collectors, ports[1])
                serving = group.create_task(site.proxy.run(Listeners([cdp], [tzafonwright])))
                try:
                    yield site
                finally:
                    serving.cancel()

    return started


@pytest.fixture
def ends_are_heard_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy waits for why a browser has ended, however long after its connection it does."""
    monkeypatch.setattr(tunnel, "_CAUSE_TIMEOUT", 20.0)


def served() -> set[asyncio.Task[object]]:
    """The tasks in which the proxy serves its clients."""
    return {task for task in asyncio.all_tasks() if task.get_name() == "client"}


async def served_all(besides: Iterable[asyncio.Task[object]] = ()) -> None:
    """Returns once no clients are served but these."""
    async with asyncio.timeout(20):
        while others := served().difference(besides):
            await asyncio.wait(others)


def direct_port(slots: int) -> int:
    """From where on so many browsers can have addresses of their own: the default is for one proxy on this machine."""
    while True:
        first = random.randrange(26_000, 28_500)  # with tzafonwright's below those that the kernel gives to anybody
        ports = [first + offset + slot for offset in (0, 4000) for slot in range(slots)]
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in ports:
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def listening() -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listener.setblocking(False)
    return listener
