"""An agent made for these tests: real Chromium processes, published in a registry and held over a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from functional.said import DEVTOOLS, Said
from waypoint_core.codec import encode
from waypoint_core.errors import RegistryUnavailable
from waypoint_core.hold import EndCause, Ended, Held, Hold, Lines, Message, Refused, Release
from waypoint_core.hold import encode as encode_message
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import HostAlive, Instance, InstanceState, InstanceType
from waypoint_core.registry import Registry

HOST = "testhost"
CHROMIUM = "/usr/lib/chromium/chromium-headless-shell"
FLAGS = (
    "--remote-debugging-port=0",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "about:blank",
)


@dataclass(eq=False)
class Life:
    """One life of one browser."""

    instance: str
    slot: int
    process: subprocess.Popen[bytes]
    endpoint: str
    holder: asyncio.StreamWriter | None = None
    session: str = ""
    released: str = ""
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Pool:
    """Keeps `slots` browsers running; a released one is killed and replaced."""

    def __init__(self, registry: Registry, keys: Keys, socket_path: Path, slots: int) -> None:
        self.registry = registry
        self.keys = keys
        self.socket_path = socket_path
        self.slots = slots
        self.silent = False
        self.lives: dict[str, Life] = {}
        self.past: list[Life] = []
        self.heard: list[Message] = []
        self.changed = asyncio.Condition()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def run(self) -> None:
        alive = HostAlive(epoch="1", boot_id="b", slots=self.slots)
        await self.registry.put(self.keys.host_alive(HOST), encode(alive))
        await self.listen()
        try:
            async with asyncio.TaskGroup() as group:
                for slot in range(self.slots):
                    group.create_task(self._slot(slot))
        finally:
            await self.hang_up()

    async def listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._converse, self.socket_path)

    def forget_holders(self) -> None:
        """As if the agent had died: what was held is nobody's, and lives on."""
        for life in self.lives.values():
            life.holder = None

    async def hang_up(self) -> None:
        """The agent's socket and its connections are gone."""
        assert self._server
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        self.socket_path.unlink(missing_ok=True)
        async with self.changed:
            await self.changed.wait_for(lambda: not self._writers)

    async def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something that changes with the pool is so."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(condition)

    async def until(self, count: int, *, held: bool = False) -> list[Life]:
        """Wait for that many browsers, or for that many held ones."""

        def there() -> list[Life]:
            return [life for life in self.lives.values() if life.holder or not held]

        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: len(there()) >= count)
        return there()

    async def used(self, count: int = 1) -> list[Life]:
        """Wait until that many have a session: of one its client knows by another way, perhaps earlier."""
        await self.wait_for(lambda: len(self.in_use()) == count)
        return self.in_use()

    def in_use(self) -> list[Life]:
        return [life for life in self.lives.values() if life.session]

    async def _slot(self, slot: int) -> None:
        while True:
            with tempfile.TemporaryDirectory(prefix="wp-", ignore_cleanup_errors=True) as profile:
                life = await self._start(slot, profile)
                try:
                    await self._publish(life)
                    status = await _exit(life.process)
                    await self._bury(life, status)
                finally:
                    life.kill()
                    life.process.wait()

    async def _start(self, slot: int, profile: str) -> Life:
        unprivileged = ()
        if os.getuid() == 0:
            unprivileged = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
            os.chown(profile, 65534, 65534)
        process = subprocess.Popen(  # noqa: ASYNC220 - a start that is cancelled half-way would leak
            [*unprivileged, CHROMIUM, f"--user-data-dir={profile}/profile", *FLAGS],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            env={"HOME": profile, "TMPDIR": profile},
        )
        try:
            assert process.stderr
            endpoint = (await Said(process.stderr).comes(DEVTOOLS, 20))[1]
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return Life(browser_id(HOST, slot, uuid4().hex), slot, process, endpoint)

    def record(self, life: Life) -> Instance:
        return Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, life.slot, endpoints={"cdp": life.endpoint})

    async def _publish(self, life: Life) -> None:
        self.lives[life.instance] = life
        with contextlib.suppress(RegistryUnavailable):
            await self.registry.put(self.keys.instance(HOST, life.instance), encode(self.record(life)))
        await self._notify()

    async def _bury(self, life: Life, status: int) -> None:
        del self.lives[life.instance]
        self.past.append(life)
        if life.holder and not life.released:
            if status < 0:
                name = signal.Signals(-status).name
                ended = Ended(life.instance, EndCause.CRASHED, f"killed by signal {-status} ({name})")
            else:
                ended = Ended(life.instance, EndCause.EXITED, "exited by itself")
            self.tell(life.holder, ended)
        life.gone.set()
        await self._notify()
        with contextlib.suppress(RegistryUnavailable):
            await self.registry.delete(self.keys.instance(HOST, life.instance))
            await self.registry.delete(self.keys.claim(life.instance))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        lines = Lines()
        try:
            while data := await reader.read(65536):
                for message in lines.feed(data):
                    self.heard.append(message)
                    await self._hear(message, writer)
        except OSError:
            pass
        finally:
            self._writers.discard(writer)
            for life in self.lives.values():
                if life.holder is writer:
                    life.released = "its holder is gone"
                    life.kill()
            writer.close()
            await self._notify()

    async def _hear(self, message: Message, writer: asyncio.StreamWriter) -> None:
        if self.silent:
            return
        life = self.lives.get(message.instance)
        match message:
            case Hold(session=session):
                if life is None or life.holder not in {None, writer}:
                    self.tell(writer, Refused(message.instance, "unknown or held by another"))
                    return
                life.holder, life.session = writer, session
                self.tell(writer, Held(message.instance))
            case Release(reason=reason) if life and life.holder in {None, writer}:
                life.released = reason
                life.kill()
        await self._notify()

    def tell(self, writer: asyncio.StreamWriter, message: Message) -> None:
        if not writer.is_closing():
            writer.write(encode_message(message))

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()


async def _exit(process: subprocess.Popen[bytes]) -> int:
    """The exit status, once there is one."""
    loop = asyncio.get_running_loop()
    exited = asyncio.Event()
    pidfd = os.pidfd_open(process.pid)
    loop.add_reader(pidfd, exited.set)
    try:
        await exited.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
    return process.wait()


@contextlib.asynccontextmanager
async def running(pool: Pool) -> AsyncIterator[Pool]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(pool.run())
        try:
            yield pool
        finally:
            task.cancel()
