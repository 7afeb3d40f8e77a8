"""Noticing that a client leaves while it waits for something."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType

_ENOUGH = 65536


class ClientLeft(Exception):
    """The client closed its connection before it was answered."""


class Presence:
    """Inside `with`, the current task is cancelled when the client closes; ClientLeft comes out of the block.

    What the client sends meanwhile is kept in `early`; after 64 KiB it is no longer read.
    """

    def __init__(self, client: socket.socket, early: bytes) -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._left = False
        self.early = early

    def __enter__(self) -> Presence:
        self._task = asyncio.current_task()
        self._loop.add_reader(self._client.fileno(), self._readable)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.remove_reader(self._client.fileno())
        if self._left and self._task and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientLeft from None

    def _readable(self) -> None:
        try:
            data = self._client.recv(_ENOUGH)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.early += data
        if not data:
            self._loop.remove_reader(self._client.fileno())
            self._left = True
            if self._task:
                self._task.cancel()
        elif len(self.early) >= _ENOUGH:
            self._loop.remove_reader(self._client.fileno())
