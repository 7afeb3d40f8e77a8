"""The unit manager on systemd, over D-Bus.

Messages are built by hand: introspecting a hundred units costs more than everything else that is said to them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from waypoint_agent.manager import Changed, Listed, Lost, UnitEvent
from waypoint_agent.units import PATTERN, Active, UnitState, object_path, slot_of, unit_name, unit_of_path
from waypoint_core.errors import UnitError

log = logging.getLogger("waypoint.agent.systemd")

_SYSTEMD = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = f"{_SYSTEMD}.Manager"
_UNIT = f"{_SYSTEMD}.Unit"
_SERVICE = f"{_SYSTEMD}.Service"
_BUS = "org.freedesktop.DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_MATCHES = (
    f"type='signal',sender='{_SYSTEMD}',interface='{_MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{_SYSTEMD}',path_namespace='{_PATH}/unit',"
    f"interface='{_PROPERTIES}',member='PropertiesChanged'",
    f"type='signal',sender='{_BUS}',member='NameOwnerChanged',arg0='{_SYSTEMD}'",
)
_RETRY = 0.5
_JOB_DEADLINE = 30.0
_JOB_IS_LATE = 5.0
# dbus-daemon allows a connection 128 unanswered calls.
_MAX_CALLS = 32
_GONE = ("", "bus connection lost")
_BUS_ERRORS = (DBusError, EOFError, OSError)


class SystemdManager:
    """A UnitManager; see there for the contracts. Jobs are refused while the bus is away."""

    def __init__(self) -> None:
        self._connection: _Connection | None = None

    async def start(self, slot: int) -> None:
        """Start the slot's unit."""
        await self._job("StartUnit", slot)

    async def stop(self, slot: int) -> None:
        """Stop the slot's unit."""
        await self._job("StopUnit", slot)

    async def restart(self, slot: int) -> None:
        """Stop the slot's unit and start it anew."""
        await self._job("RestartUnit", slot)

    async def follow(self, report: Callable[[UnitEvent], None]) -> None:
        """Report changes over one connection after another."""
        while True:
            reason = "the bus closed the connection"
            try:
                await self._follow_once(report)
            except (*_BUS_ERRORS, UnitError) as error:
                reason = str(error) or repr(error)
            report(Lost(reason))
            await asyncio.sleep(_RETRY)

    async def _follow_once(self, report: Callable[[UnitEvent], None]) -> None:
        bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        connection = _Connection(bus, report)
        try:
            await connection.subscribe()
            self._connection = connection
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        finally:
            self._connection = None
            connection.close()

    async def _job(self, method: str, slot: int) -> None:
        if self._connection is None:
            raise UnitError(f"cannot {method} {unit_name(slot)}: no connection to systemd")
        await self._connection.run_job(method, slot)


class _Connection:
    """One connection to the bus, from its first message to its end."""

    def __init__(self, bus: MessageBus, report: Callable[[UnitEvent], None]) -> None:
        self._bus = bus
        self._report = report
        self._units: dict[int, UnitState] = {}
        self._reported: dict[int, UnitState] = {}
        self._jobs: dict[int, asyncio.Queue[tuple[str, str]]] = {}
        self._pinned: set[int] = set()
        self._listed = False
        self._calls = asyncio.Semaphore(_MAX_CALLS)

    async def subscribe(self) -> None:
        """Subscribe first, then report every unit; from then on changes are reported."""
        self._bus.add_message_handler(self._on_message)
        for rule in _MATCHES:
            await self._call(_BUS, "/org/freedesktop/DBus", _BUS, "AddMatch", "s", rule)
        await self._manager("Subscribe")
        version = (await self._call(_SYSTEMD, _PATH, _PROPERTIES, "Get", "ss", _MANAGER, "Version")).value
        for row in await self._manager("ListUnitsByPatterns", "asas", [], [PATTERN]):
            if (slot := slot_of(row[0])) is not None:
                self._units.setdefault(slot, UnitState(slot, Active(row[3])))
        await asyncio.gather(*map(self._read_life, list(self._units)))
        self._listed = True
        self._reported = dict(self._units)
        self._report(Listed(tuple(self._units.values()), version))

    async def run_job(self, method: str, slot: int) -> None:
        """Queue a job for the slot's unit and wait until systemd is done with that very job."""
        unit = unit_name(slot)
        removed = self._jobs[slot] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        late = loop.call_later(_JOB_IS_LATE, log.warning, "%s %s: not done after %g s", method, unit, _JOB_IS_LATE)
        try:
            async with asyncio.timeout(_JOB_DEADLINE):
                await self._pin(slot)
                job = await self._manager(method, "ss", unit, "replace")
                while (ended := await removed.get())[0] not in {job, _GONE[0]}:
                    pass
        except TimeoutError:
            raise UnitError(f"cannot {method} {unit}: not done after {_JOB_DEADLINE:.0f} s") from None
        finally:
            late.cancel()
            del self._jobs[slot]
        if ended[1] != "done":
            raise UnitError(f"cannot {method} {unit}: {ended[1]}")

    async def _pin(self, slot: int) -> None:
        """Keep the slot's unit loaded for as long as this connection lasts.

        Otherwise systemd unloads it after each life and reads it again for the next, twice, because it forgets it once
        more while it asks polkit; and announces each time what that changes for every unit around it.
        """
        if slot not in self._pinned:
            await self._manager("RefUnit", "s", unit_name(slot))
            self._pinned.add(slot)

    def close(self) -> None:
        """Let go of the bus and of everyone who waits for a job."""
        self._bus.remove_message_handler(self._on_message)
        self._bus.disconnect()
        for removed in self._jobs.values():
            removed.put_nowait(_GONE)

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.member == "PropertiesChanged":
            self._on_properties(message.path or "", *message.body[:2])
        elif message.member == "JobRemoved":
            _, job, unit, result = message.body
            if (removed := self._jobs.get(slot_of(unit) or 0)) is not None:
                removed.put_nowait((job, result))
        elif message.member == "NameOwnerChanged":
            # systemd executes itself anew: it may have forgotten our subscription.
            self._bus.disconnect()

    def _on_properties(self, path: str, interface: str, properties: Mapping[str, Variant]) -> None:
        slot = slot_of(unit_of_path(path))
        if slot is None or interface not in {_UNIT, _SERVICE}:
            return
        values = {name: variant.value for name, variant in properties.items()}
        self._units[slot] = unit = self._units.get(slot, UnitState(slot)).updated(values)
        # systemd sends the service's properties first and the unit's right after: together they are one change. Half of
        # them tell nothing new, but that a job was queued or is done.
        if interface == _UNIT and self._listed and unit != self._reported.get(slot):
            self._reported[slot] = unit
            self._report(Changed(unit))

    async def _read_life(self, slot: int) -> None:
        path = object_path(unit_name(slot))
        found = {
            name: (await self._call(_SYSTEMD, path, _PROPERTIES, "Get", "ss", _UNIT, name)).value
            for name in ("InactiveExitTimestamp", "InvocationID")
        }
        # A change that was reported meanwhile is newer.
        if not self._units[slot].invocation:
            self._units[slot] = self._units[slot].updated(found)

    async def _manager(self, method: str, signature: str = "", *body: Any) -> Any:
        return await self._call(_SYSTEMD, _PATH, _MANAGER, method, signature, *body)

    async def _call(self, service: str, path: str, interface: str, method: str, signature: str = "", *body: Any) -> Any:
        """The first value of the answer; UnitError when it is an error or never comes."""
        message = Message(
            destination=service, path=path, interface=interface, member=method, signature=signature, body=list(body)
        )
        try:
            async with self._calls:
                reply = await self._bus.call(message)
        except _BUS_ERRORS as error:
            raise UnitError(f"cannot call {method}: {error!r}") from error
        if reply is None or reply.message_type is MessageType.ERROR:
            raise UnitError(f"cannot call {method}: {reply.body[0] if reply and reply.body else 'no answer'}")
        return reply.body[0] if reply.body else None
