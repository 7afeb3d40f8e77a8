"""A stream, read in a thread of its own, so that a Ctrl-C never hangs.

An interrupt that arrives just as the main thread has taken a lock of Python's leaves it locked: gRPC's own, and then
cancelling the call waits for it for ever, once in a hundred. The main thread therefore waits for a queue without one.
One that arrives just before a wait begins is noticed when the wait ends, so that none lasts long.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import grpc

_AHEAD = 100
_LOOK = 1.0


@contextmanager
def reading(call: Any) -> Iterator[Iterator[Any]]:
    """The messages of a call, which is cancelled afterwards; RpcError where it ends with one. At most 100 wait."""
    arrived: SimpleQueue[Any] = SimpleQueue()
    room = threading.Semaphore(_AHEAD)
    left = threading.Event()

    def read() -> None:
        try:
            for message in call:
                arrived.put(message)
                while not room.acquire(timeout=_LOOK):
                    if left.is_set():
                        return
            arrived.put(None)
        except grpc.RpcError as error:
            arrived.put(error)

    threading.Thread(target=read, name="stream", daemon=True).start()
    try:
        yield _messages(arrived, room)
    finally:
        left.set()
        call.cancel()


def _messages(arrived: SimpleQueue[Any], room: threading.Semaphore) -> Iterator[Any]:
    while True:
        try:
            message = arrived.get(timeout=_LOOK)
        except Empty:
            continue
        if message is None:
            return
        if isinstance(message, grpc.RpcError):
            raise message
        room.release()
        yield message
