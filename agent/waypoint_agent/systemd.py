"""The unit manager on systemd: followed over D-Bus, which anyone may; its orders go through the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from dbus_fast import Message, MessageType, Variant

from waypoint_agent.broker.client import Broker
from waypoint_agent.broker.orders import Verb
from waypoint_agent.bus import DAEMON, MANAGER, MANAGER_PATH, SYSTEMD, Bus
from waypoint_agent.manager import Changed, Listed, Lost, UnitEvent
from waypoint_agent.units import PATTERN, Active, UnitState, object_path, slot_of, unit_name, unit_of_path
from waypoint_core.errors import UnitError

log = logging.getLogger("waypoint.agent.systemd")

_UNIT = f"{SYSTEMD}.Unit"
_SERVICE = f"{SYSTEMD}.Service"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_OWNER_CHANGES = f"type='signal',sender='{DAEMON}',interface='{DAEMON}',member='NameOwnerChanged',arg0='{SYSTEMD}'"
_MATCHES = (
    f"type='signal',sender='{SYSTEMD}',interface='{MANAGER}',member='JobRemoved'",
    f"type='signal',sender='{SYSTEMD}',path_namespace='{MANAGER_PATH}/unit',"
    f"interface='{_PROPERTIES}',member='PropertiesChanged'",
)
_RETRY = 0.5
_JOB_DEADLINE = 30.0
_JOB_IS_LATE = 5.0
_GONE = ("", "bus connection lost")


class SystemdManager:
    """A UnitManager; see there for the contracts. Jobs are refused while the bus is away."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._connection: _Connection | None = None

    async def start(self, slot: int) -> None:
        """Start the slot's unit."""
        await self._job(Verb.START, slot)

    async def stop(self, slot: int) -> None:
        """Stop the slot's unit."""
        await self._job(Verb.STOP, slot)

    async def restart(self, slot: int) -> None:
        """Stop the slot's unit and start it anew."""
        await self._job(Verb.RESTART, slot)

    async def follow(self, report: Callable[[UnitEvent], None]) -> None:
        """Report changes over one connection after another, connected to the broker."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._broker.run(), name="broker")
            while True:
                reason = "the bus closed the connection"
                try:
                    await self._follow_once(report)
                except UnitError as error:
                    reason = str(error)
                report(Lost(reason))
                await asyncio.sleep(_RETRY)

    async def _follow_once(self, report: Callable[[UnitEvent], None]) -> None:
        bus = await Bus.connect()
        connection = _Connection(bus, self._broker, report)
        try:
            await connection.subscribe()
            self._connection = connection
            await bus.ended()
        finally:
            self._connection = None
            connection.close()

    async def _job(self, verb: Verb, slot: int) -> None:
        if self._connection is None:
            raise UnitError(f"cannot {verb} {unit_name(slot)}: no connection to systemd")
        await self._connection.run_job(verb, slot)


class _Connection:
    """One connection to the bus, from its first message to its end."""

    def __init__(self, bus: Bus, broker: Broker, report: Callable[[UnitEvent], None]) -> None:
        self._bus = bus
        self._broker = broker
        self._report = report
        self._owner = ""
        self._units: dict[int, UnitState] = {}
        self._reported: dict[int, UnitState] = {}
        self._jobs: dict[int, asyncio.Queue[tuple[str, str]]] = {}
        self._listed = False

    async def subscribe(self) -> None:
        """Subscribe first, then report every unit; from then on changes are reported."""
        self._bus.listen(self._on_message)
        await self._bus.daemon("AddMatch", "s", _OWNER_CHANGES)
        self._owner = await self._bus.daemon("GetNameOwner", "s", SYSTEMD)
        for rule in _MATCHES:
            await self._bus.daemon("AddMatch", "s", rule)
        await self._bus.manager("Subscribe")
        version = (await self._bus.call(SYSTEMD, MANAGER_PATH, _PROPERTIES, "Get", "ss", MANAGER, "Version")).value
        for row in await self._bus.manager("ListUnitsByPatterns", "asas", [], [PATTERN]):
            if (slot := slot_of(row[0])) is not None:
                self._units.setdefault(slot, UnitState(slot, Active(row[3])))
        await asyncio.gather(*map(self._read_life, list(self._units)))
        self._listed = True
        self._reported = dict(self._units)
        self._report(Listed(tuple(self._units.values()), version))

    async def run_job(self, verb: Verb, slot: int) -> None:
        """Have a job queued for the slot's unit and wait until systemd is done with that very job."""
        unit = unit_name(slot)
        removed = self._jobs[slot] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        late = loop.call_later(_JOB_IS_LATE, log.warning, "%s %s: not done after %g s", verb, unit, _JOB_IS_LATE)
        try:
            async with asyncio.timeout(_JOB_DEADLINE):
                job = await self._broker.order(verb, slot)
                while (ended := await removed.get())[0] not in {job, _GONE[0]}:
                    pass
        except TimeoutError:
            raise UnitError(f"cannot {verb} {unit}: not done after {_JOB_DEADLINE:.0f} s") from None
        except UnitError as error:
            raise UnitError(f"cannot {verb} {unit}: {error}") from error
        finally:
            late.cancel()
            del self._jobs[slot]
        if ended[1] != "done":
            raise UnitError(f"cannot {verb} {unit}: {ended[1]}")

    def close(self) -> None:
        """Let go of the bus and of everyone who waits for a job."""
        self._bus.close()
        for removed in self._jobs.values():
            removed.put_nowait(_GONE)

    def _on_message(self, message: Message) -> None:
        if message.message_type is not MessageType.SIGNAL:
            return
        if message.sender == DAEMON:
            self._on_daemon(message)
        elif message.sender == self._owner:
            self._on_systemd(message)
        # Anyone on the bus can send us a signal that looks like systemd's; rules keep away only what goes to everyone.

    def _on_daemon(self, message: Message) -> None:
        if message.member == "NameOwnerChanged" and message.body[0] == SYSTEMD:
            # systemd executes itself anew: it may have forgotten our subscription.
            self._bus.close()

    def _on_systemd(self, message: Message) -> None:
        if message.member == "PropertiesChanged":
            self._on_properties(message.path or "", *message.body[:2])
        elif message.member == "JobRemoved":
            _, job, unit, result = message.body
            slot = slot_of(unit)
            if slot in self._jobs:
                self._jobs[slot].put_nowait((job, result))

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
            name: (await self._bus.call(SYSTEMD, path, _PROPERTIES, "Get", "ss", _UNIT, name)).value
            for name in ("InactiveExitTimestamp", "InvocationID")
        }
        # A change that was reported meanwhile is newer.
        if not self._units[slot].invocation:
            self._units[slot] = self._units[slot].updated(found)
