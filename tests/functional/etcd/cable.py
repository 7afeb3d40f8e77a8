"""A TCP forwarder between a client and one member, to be cut or stalled by tests."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class Cable:
    """Forwards bytes to 127.0.0.1:port.

    Cut: connections end, and new ones are closed. Stalled: connections stay, bytes do not arrive.
    latency: seconds that each byte is under way.
    """

    def __init__(self, address: str, *, latency: float = 0) -> None:
        self._latency = latency
        self._age = 0
        self._host, _, port = address.rpartition(":")
        self._port = int(port)
        self._whole = True
        self._budget: int | None = None
        self.spent = asyncio.Event()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._lines: set[asyncio.Task[object]] = set()
        self._server: asyncio.Server

    @property
    def address(self) -> str:
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        self.flow()
        await asyncio.gather(*self._lines, return_exceptions=True)

    def cut(self) -> None:
        self._whole = False
        for writer in self._writers:
            writer.close()

    def mend(self, budget: int | None = None) -> None:
        """Forward again; with a budget, until the member has sent that many bytes, when `spent` is set."""
        self._whole = True
        self.spent.clear()
        self._budget = budget

    def stall(self) -> None:
        self._flowing.clear()

    def flow(self) -> None:
        self._flowing.set()

    def swallow(self) -> None:
        """What comes over the connections that there are is lost from now on, unnoticed; new ones work."""
        self._age += 1

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line := asyncio.current_task():
            self._lines.add(line)
        with contextlib.ExitStack() as stack:
            self._attach(stack, writer)
            with contextlib.suppress(OSError):
                if self._whole:
                    await self._join(stack, reader, writer)

    async def _join(
        self, stack: contextlib.ExitStack, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
        self._attach(stack, far_writer)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._forward(reader, far_writer))
            group.create_task(self._forward(far_reader, writer, counted=True))

    def _attach(self, stack: contextlib.ExitStack, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        stack.callback(writer.close)
        stack.callback(self._writers.discard, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool = False) -> None:
        age = self._age
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await asyncio.sleep(self._latency)
                await self._flowing.wait()
                if age != self._age:
                    continue
                writer.write(data)
                await writer.drain()
                if counted:
                    self._spend(len(data))
        writer.close()

    def _spend(self, count: int) -> None:
        if self._budget is not None:
            self._budget -= count
            if self._budget <= 0:
                self.cut()
                self.spent.set()
