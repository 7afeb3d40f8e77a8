"""waypoint-broker: does what an unprivileged agent may not do itself, and only that.

systemd lets root start and stop units; whoever else asks is looked up by polkit, for every single call. The broker is
root without any capability, and turns a verb and a slot into a job for that slot's unit.
"""

from __future__ import annotations

import asyncio
import logging
import select
import socket

from waypoint_agent.broker.orders import Answer, Order, Orders, Verb, encode
from waypoint_agent.bus import Bus
from waypoint_agent.units import unit_name
from waypoint_core import config, service
from waypoint_core.errors import BrokerError, UnitError
from waypoint_core.log import configure
from waypoint_core.settings import Settings

_CHUNK = 64 * 1024
_METHODS = {Verb.START: "StartUnit", Verb.STOP: "StopUnit", Verb.RESTART: "RestartUnit"}
log = logging.getLogger("waypoint.broker")


class Broker:
    """Carries orders out, over one connection to the bus after another."""

    def __init__(self) -> None:
        self._bus: Bus | None = None
        self._connecting = asyncio.Lock()
        self._pinned: set[int] = set()

    async def job(self, order: Order) -> str:
        """The job that systemd has queued. UnitError when it has not."""
        bus = await self._connected()
        await self._pin(bus, order.slot)
        return str(await bus.manager(_METHODS[order.verb], "ss", unit_name(order.slot), "replace"))

    async def _connected(self) -> Bus:
        async with self._connecting:
            if self._bus is None or not self._bus.connected:
                self._pinned.clear()
                self._bus = await Bus.connect()
            return self._bus

    async def _pin(self, bus: Bus, slot: int) -> None:
        """Keep the slot's unit loaded for as long as the connection to the bus lasts.

        Otherwise systemd unloads it after each life and reads it again for the next, and announces each time what that
        changes for every unit around it.
        """
        if slot not in self._pinned:
            await bus.manager("RefUnit", "s", unit_name(slot))
            self._pinned.add(slot)


class Connection:
    """One agent."""

    def __init__(self, broker: Broker, writer: asyncio.StreamWriter) -> None:
        self._broker = broker
        self._writer = writer

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Answer until the agent goes or breaks the protocol."""
        orders = Orders()
        try:
            async with asyncio.TaskGroup() as group:
                while data := await reader.read(_CHUNK):
                    for order in orders.feed(data):
                        group.create_task(self._answer(order), name=f"{order.verb} {order.slot}")
        except* BrokerError as errors:
            log.warning("%s; the connection is closed", errors.exceptions[0])
        except* OSError as errors:
            log.warning("cannot read from the agent: %s", errors.exceptions[0])
        finally:
            self._writer.close()

    async def _answer(self, order: Order) -> None:
        if self._left():
            log.info("%s %s: not done, who asked for it is gone", order.verb, unit_name(order.slot))
            return
        try:
            answer = Answer(order.number, job=await self._broker.job(order))
        except UnitError as error:
            answer = Answer(order.number, error=str(error))
        log.debug("%s %s: %s", order.verb, unit_name(order.slot), answer.error or "queued")
        if not self._writer.is_closing():
            self._writer.write(encode(answer))

    def _left(self) -> bool:
        """Whether the agent is gone, also where what it said before is still being read.

        The next one has found the browsers as they were, and may have given them out.
        """
        if self._writer.is_closing():
            return True
        poll = select.poll()
        poll.register(self._writer.get_extra_info("socket").fileno(), 0)
        return bool(poll.poll(0))


async def serve(passed: list[socket.socket], path: str) -> None:
    """Listen on systemd's socket, or, started by hand, on one of our own at path, until cancelled."""
    supervisor = service.Supervisor()
    broker = Broker()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Connection(broker, writer).serve(reader)

    server = await asyncio.start_unix_server(connected, sock=service.local_socket(passed, path, 0o600))
    try:
        supervisor.ready("browsers' units only")
        await supervisor.feed_watchdog()
        await asyncio.Event().wait()
    finally:
        supervisor.stopping()
        server.close()


def _run(settings: Settings) -> None:
    configure(settings.log.level)
    service.run(serve(service.passed_sockets().get("broker", []), settings.agent.broker_socket))


def main() -> None:
    """The command."""
    config.daemon_command("waypoint-broker", _run)()
