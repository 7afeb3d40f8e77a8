"""The pipe from a server to its driver, in a test's hands: what the driver is told passes at once, or as it is let."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import playwright

_PATIENCE = 60
# Stands in for the driver's program, and sends what it is told round by the test.
_NODE = """#!{python}
import socket, subprocess, sys, threading
node = subprocess.Popen(["{driver}/node", *sys.argv[1:]], stdin=subprocess.PIPE)
test = socket.socket(socket.AF_UNIX)
test.connect("{path}")
def tell():
    while said := sys.stdin.buffer.raw.read(1 << 16):
        test.sendall(said)
    test.shutdown(socket.SHUT_WR)
threading.Thread(target=tell, daemon=True).start()
while said := test.recv(1 << 16):
    node.stdin.write(said), node.stdin.flush()
node.stdin.close()
sys.exit(node.wait())
"""


class Pipe:
    """Messages are Playwright's, each behind its length; program is to be started as the driver's."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "node"
        self._path = folder / "pipe.sock"
        self._holding = False
        self._passing: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._came: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._let = threading.Semaphore(0)

    @contextlib.contextmanager
    def laid(self) -> Iterator[None]:
        """In threads of its own: a server that starts its driver is waited for without a loop."""
        driver = Path(playwright.__file__).parent / "driver"
        self.program.write_text(_NODE.format(python=sys.executable, driver=driver, path=self._path))
        self.program.chmod(0o700)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(self._path))
            listener.listen(1)
            carrying = threading.Thread(target=self._carry, args=(listener,))
            carrying.start()
            try:
                yield
            finally:
                self.flow()
                listener.shutdown(socket.SHUT_RDWR)
                carrying.join()

    def hold(self) -> None:
        """From now on messages wait."""
        self._holding = True

    def let(self) -> None:
        """The next one passes."""
        self._let.release()

    def flow(self) -> None:
        """All pass again."""
        self._holding = False
        self._let.release()

    async def comes(self, method: str) -> None:
        """Returns once such a message is held."""
        while await asyncio.to_thread(self._came.get, timeout=_PATIENCE) != method:
            pass

    def _carry(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # there never was a driver
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as said:
                passing = threading.Thread(target=self._pass_on, args=(connection,))
                passing.start()
                while head := said.read(4):
                    body = said.read(int.from_bytes(head, "little"))
                    self._passing.put(head + body)
                    if self._holding:
                        self._came.put(json.loads(body)["method"])
                self._passing.put(b"")
                passing.join()

    def _pass_on(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the driver has ended
            while message := self._passing.get():
                if self._holding:
                    self._let.acquire()
                connection.sendall(message)
            connection.shutdown(socket.SHUT_WR)
