"""One client connection and one browser connection until either ends; the pump moves what they say."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from waypoint_proxy.frames import PING
from waypoint_proxy.liveness import Fill, Gone, Liveness, Ping, vitals
from waypoint_proxy.manners import Manners
from waypoint_proxy.pump import Pair, Pump


class Side(enum.Enum):
    """Which side a connection ended from."""

    CLIENT = "client"
    BROWSER = "browser"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a connection ended; clean when a close frame was seen on its way, silent when its client was given up."""

    side: Side
    reason: str
    clean: bool
    silent: bool = False


@contextlib.asynccontextmanager
async def relaying(pump: Pump) -> AsyncIterator[None]:
    """Let the pump move bytes, and this loop hear of ends; every relay has to end before."""
    loop = asyncio.get_running_loop()
    with pump:
        loop.add_reader(pump.fileno(), pump.announce)
        try:
            yield
        finally:
            loop.remove_reader(pump.fileno())


class Relay:
    """Between two sockets that do not block; a client that gives no sign of life for timeout seconds is given up."""

    def __init__(
        self, pump: Pump, client: socket.socket, browser: socket.socket, manners: Manners, timeout: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._client = client
        self._manners = manners
        self._liveness = Liveness(timeout, self._loop.time(), pings=manners.pings)
        self._pair = Pair(pump, client.fileno(), browser.fileno())
        self._outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None

    async def run(self, head: bytes, down: bytes = b"", up: bytes = b"") -> Outcome:
        """Relay until the end. head is the answer to the upgrade; down is what the browser, up what the client
        has sent after its own already."""
        self._pair.start(self._left, head + PING if self._manners.pings else head, down, up)
        self._timer = self._loop.call_later(self._liveness.tick, self._check)
        try:
            return await self._outcome
        finally:
            self._timer.cancel()
            self._pair.stop()

    def end(self, reason: str, side: Side = Side.PROXY, *, silent: bool = False) -> None:
        """End the connection from outside."""
        if not self._outcome.done():
            seen = self._pair.look()
            self._outcome.set_result(Outcome(side, reason, seen.client_closed or seen.browser_closed, silent))

    def farewell(self, frame: bytes) -> bytes:
        """What is left to send to the client, the close frame included if it may still be sent; b"" to just cut."""
        seen = self._pair.look()
        if seen.browser_closed:
            return self._pair.rest()
        if not seen.between:
            return b""
        return self._pair.rest() + frame if self._manners.farewells else self._pair.rest()

    def _left(self) -> None:
        seen = self._pair.look()
        if seen.left == "client":
            self.end("client left", Side.CLIENT)
        else:
            self.end("client left" if seen.client_closed else "browser closed the connection", Side.BROWSER)

    def _check(self) -> None:
        seen = self._pair.look()
        try:
            client = vitals(self._client, seen.waiting, seen.pongs)
        except OSError:
            self.end("client left", Side.CLIENT)
            return
        match self._liveness.judge(self._loop.time(), client):
            case Gone(reason):
                self.end(reason, Side.CLIENT, silent=True)
            case Ping():
                self._pair.tell(PING)
            case Fill(size):
                self._pair.tell(self._manners.fill(size))
        self._timer = self._loop.call_later(self._liveness.tick, self._check)


async def close(client: socket.socket, last: bytes, timeout: float) -> None:
    """Send the last bytes and take leave in order, so that no reset overtakes them; at most timeout seconds."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(timeout):
            await loop.sock_sendall(client, last)
            client.shutdown(socket.SHUT_WR)
            while await loop.sock_recv(client, 65536):
                pass
