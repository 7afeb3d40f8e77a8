"""waypoint-desktop: runs a browser on a screen of its own, and lends the host's server its hands.

    waypoint-desktop COMMAND...

WAYPOINT_DESKTOP_SIZE is WIDTHxHEIGHT, WAYPOINT_DESKTOP_PORT where the hands listen on loopback. COMMAND is the browser;
it is started when everything else is there. The first part that ends, ends all; a browser's signal becomes our own.
"""

from __future__ import annotations

import asyncio
import http
import importlib
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from contextlib import AsyncExitStack

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from tzafonwright import protocol
from tzafonwright.desktop.hands import Hands
from tzafonwright.desktop.screen import CannotStart, screen, started
from tzafonwright.server.contexts import Contexts
from tzafonwright.server.refused import SessionOver
from tzafonwright.server.second import SecondVersion

MANAGER = ("openbox",)
log = logging.getLogger("tzafonwright.desktop")


class Desk:
    """Serves the hands; secret is the path of the URL, which only who knows this life of the desktop knows."""

    def __init__(self, hands: Hands, secret: str) -> None:
        self._hands = hands
        self._path = f"/{secret}"

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuses who means another life."""
        if request.path == self._path:
            return None
        return connection.respond(http.HTTPStatus.NOT_FOUND, "cannot find that desktop: it is gone\n")

    async def attend(self, connection: ServerConnection) -> None:
        """One connection, to its end."""
        async with asyncio.TaskGroup() as group:

            async def send(frame: bytes) -> None:
                try:
                    await connection.send(frame)
                except ConnectionClosed:
                    log.debug("nobody waits for an answer any more")

            over: asyncio.Future[SessionOver] = asyncio.get_running_loop().create_future()
            peer = SecondVersion(
                Contexts(self._hands), send, lambda work: void(group.create_task(work)), over.set_result
            )
            try:
                async for frame in connection:
                    await peer.receive(frame)
            except (SessionOver, ConnectionClosed) as end:
                log.info("a connection ended: %s", end)


def void(_: object) -> None:
    """Gives nothing."""


async def run(size: str, port: int, secret: str, command: list[str]) -> int:
    """The browser's status: 0 and above when it ended by itself, a signal below 0. CannotStart."""
    async with AsyncExitStack() as stack:
        display, server = await stack.enter_async_context(screen(size))
        os.environ["DISPLAY"] = display
        manager = await stack.enter_async_context(started(*MANAGER))
        desk = Desk(Hands(_pyautogui()), secret)
        await stack.enter_async_context(
            serve(
                desk.attend,
                "127.0.0.1",
                port,
                process_request=desk.admit,
                subprotocols=[Subprotocol(protocol.SUBPROTOCOL)],
                compression=None,
                max_size=protocol.MAX_FRAME,
                ping_interval=None,
                server_header=None,
            )
        )
        browser = await stack.enter_async_context(started(*command))
        return await _first_end(browser, {"Xvfb": server, MANAGER[0]: manager})


async def _first_end(browser: Process, others: dict[str, Process]) -> int:
    async with asyncio.TaskGroup() as group:
        ends = {group.create_task(process.wait(), name=name): name for name, process in others.items()}
        mine = group.create_task(browser.wait())
        done, waiting = await asyncio.wait({mine, *ends}, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        if mine in done:
            return mine.result()
        name = ends[done.pop()]
        raise CannotStart(f"{name} ended, and the desktop with it")


def _pyautogui() -> object:
    """Imported now that there is a display."""
    # It looks for this file, and complains without one; the display lets in whoever reaches it.
    os.environ.setdefault("XAUTHORITY", os.devnull)
    return importlib.import_module("pyautogui")


def main() -> None:
    """The program."""
    logging.basicConfig(level="INFO", format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("websockets").setLevel(logging.WARNING)
    try:
        size, port = os.environ["WAYPOINT_DESKTOP_SIZE"], int(os.environ["WAYPOINT_DESKTOP_PORT"])
        status = asyncio.run(run(size, port, os.environ.get("INVOCATION_ID", ""), sys.argv[1:]))
    except (KeyError, ValueError) as error:
        raise SystemExit(f"waypoint-desktop: cannot start without WAYPOINT_DESKTOP_SIZE and _PORT: {error}") from error
    except (CannotStart, ModuleNotFoundError, OSError) as error:
        raise SystemExit(f"waypoint-desktop: {error}") from error
    if status < 0:
        signal.signal(-status, signal.SIG_DFL) if -status != signal.SIGKILL else None
        os.kill(os.getpid(), -status)
    raise SystemExit(status)


if __name__ == "__main__":
    main()
