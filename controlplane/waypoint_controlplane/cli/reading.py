"""A stream, read in a thread of its own.

A Ctrl-C that arrives while gRPC's own code runs in the main thread is lost, once in some dozens. The main thread waits
for a queue instead, which every signal interrupts.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import grpc

_AHEAD = 100


@contextmanager
def reading(call: Any) -> Iterator[Iterator[Any]]:
    """The messages of a call, which is cancelled afterwards; RpcError where it ends with one. At most 100 wait."""
    arrived: queue.Queue[Any] = queue.Queue(_AHEAD)
    left = threading.Event()

    def read() -> None:
        try:
            for message in call:
                arrived.put(message)
                if left.is_set():
                    return
            arrived.put(None)
        except grpc.RpcError as error:
            arrived.put(error)

    threading.Thread(target=read, name="stream", daemon=True).start()
    try:
        yield _messages(arrived)
    finally:
        left.set()
        call.cancel()
        with suppress(queue.Empty):  # room for what it is about to put
            while True:
                arrived.get_nowait()


def _messages(arrived: queue.Queue[Any]) -> Iterator[Any]:
    while (message := arrived.get()) is not None:
        if isinstance(message, grpc.RpcError):
            raise message
        yield message
