"""Calls to systemd over D-Bus.

Messages are built by hand: introspecting a hundred units costs more than everything else that is said to them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Self

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusFastError

from waypoint_core.errors import UnitError

SYSTEMD = "org.freedesktop.systemd1"
MANAGER_PATH = "/org/freedesktop/systemd1"
MANAGER = f"{SYSTEMD}.Manager"
DAEMON = "org.freedesktop.DBus"
# dbus-daemon allows a connection 128 unanswered calls.
_MAX_CALLS = 32
_ERRORS = (DBusFastError, EOFError, OSError)


class Bus:
    """One connection to the system bus, from its first message to its end."""

    def __init__(self, connection: MessageBus) -> None:
        self._connection = connection
        self._calls = asyncio.Semaphore(_MAX_CALLS)
        self._heard: Callable[[Message], None] = lambda message: None

    @classmethod
    async def connect(cls) -> Self:
        """UnitError when nobody answers."""
        try:
            return cls(await MessageBus(bus_type=BusType.SYSTEM).connect())
        except _ERRORS as error:
            raise UnitError(f"cannot connect to the system bus: {error or repr(error)}") from error

    @property
    def connected(self) -> bool:
        """Whether it has not ended yet."""
        return bool(self._connection.connected)

    async def ended(self) -> None:
        """Returns or raises UnitError at the end of the connection."""
        try:
            await self._connection.wait_for_disconnect()  # type: ignore[no-untyped-call]
        except _ERRORS as error:
            raise UnitError(f"lost the system bus: {error or repr(error)}") from error

    def listen(self, heard: Callable[[Message], None]) -> None:
        """Tell of every message that comes in, until the connection is closed."""
        self._heard = heard
        self._connection.add_message_handler(heard)

    def close(self) -> None:
        """End the connection."""
        self._connection.remove_message_handler(self._heard)
        self._connection.disconnect()

    async def daemon(self, method: str, signature: str = "", *body: Any) -> Any:
        """The first value of what the bus itself answers; UnitError as in call()."""
        return await self.call(DAEMON, "/org/freedesktop/DBus", DAEMON, method, signature, *body)

    async def manager(self, method: str, signature: str = "", *body: Any) -> Any:
        """The first value of what systemd's manager answers; UnitError as in call()."""
        return await self.call(SYSTEMD, MANAGER_PATH, MANAGER, method, signature, *body)

    async def call(self, service: str, path: str, interface: str, method: str, signature: str = "", *body: Any) -> Any:
        """The first value of the answer; UnitError when it is an error or never comes."""
        message = Message(
            destination=service, path=path, interface=interface, member=method, signature=signature, body=list(body)
        )
        if not self.connected:
            raise UnitError(f"cannot call {method}: the connection to the bus has ended")
        try:
            async with self._calls:
                reply = await self._connection.call(message)
        except _ERRORS as error:
            raise UnitError(f"cannot call {method}: {error!r}") from error
        if reply is None or reply.message_type is MessageType.ERROR:
            raise UnitError(f"cannot call {method}: {reply.body[0] if reply and reply.body else 'no answer'}")
        return reply.body[0] if reply.body else None
