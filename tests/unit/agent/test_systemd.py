"""What the manager believes of what it hears on the bus."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType, Variant

from unit.agent.parts import A
from waypoint_agent import systemd
from waypoint_agent.broker.client import Broker
from waypoint_agent.bus import DAEMON, MANAGER, SYSTEMD
from waypoint_agent.manager import Changed, Listed, Lost, UnitEvent
from waypoint_agent.systemd import SystemdManager
from waypoint_agent.units import Active, object_path, unit_name

PID1 = ":1.0"
STRANGER = ":1.7"


class FakeBus:
    """A bus with a systemd that has no browsers."""

    def __init__(self) -> None:
        self.tell: Callable[[Message], None]
        self.over = asyncio.Event()

    def listen(self, heard: Callable[[Message], None]) -> None:
        self.tell = heard

    async def daemon(self, method: str, signature: str, *body: Any) -> Any:
        return PID1 if method == "GetNameOwner" else None

    async def manager(self, method: str, signature: str = "", *body: Any) -> Any:
        return []

    async def call(self, *arguments: Any) -> Any:
        return Variant("s", "252")

    async def ended(self) -> None:
        await self.over.wait()

    def close(self) -> None:
        self.over.set()


def active(sender: str) -> Message:
    return Message(
        message_type=MessageType.SIGNAL,
        sender=sender,
        path=object_path(unit_name(0)),
        interface="org.freedesktop.DBus.Properties",
        member="PropertiesChanged",
        signature="sa{sv}as",
        body=[
            f"{SYSTEMD}.Unit",
            {"ActiveState": Variant("s", "active"), "InvocationID": Variant("ay", bytes.fromhex(A))},
            [],
        ],
    )


def new_owner(sender: str, name: str = SYSTEMD) -> Message:
    body = [name, PID1, ":1.9"]
    return Message(
        message_type=MessageType.SIGNAL,
        sender=sender,
        path="/org/freedesktop/DBus",
        interface=DAEMON,
        member="NameOwnerChanged",
        signature="sss",
        body=body,
    )


@asynccontextmanager
async def following(tmp_path: Path) -> AsyncIterator[asyncio.Queue[UnitEvent]]:
    events: asyncio.Queue[UnitEvent] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(SystemdManager(Broker(str(tmp_path / "broker"))).follow(events.put_nowait))
        yield events
        task.cancel()


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> FakeBus:
    found = FakeBus()

    async def connect() -> FakeBus:
        return found

    monkeypatch.setattr(systemd.Bus, "connect", connect)
    return found


async def test_only_systemd_says_what_becomes_of_units(bus: FakeBus, tmp_path: Path) -> None:
    async with following(tmp_path) as events:
        assert await events.get() == Listed((), "252")
        bus.tell(active(STRANGER))
        bus.tell(active(DAEMON))
        assert events.empty()
        bus.tell(active(PID1))
        changed = await events.get()
        assert isinstance(changed, Changed)
        assert (changed.unit.active, changed.unit.invocation) == (Active.ACTIVE, A)


async def test_only_the_bus_says_that_systemd_is_another(bus: FakeBus, tmp_path: Path) -> None:
    async with following(tmp_path) as events:
        await events.get()
        for nothing in (new_owner(STRANGER), new_owner(PID1), new_owner(DAEMON, MANAGER)):
            bus.tell(nothing)
        assert not bus.over.is_set()
        bus.tell(new_owner(DAEMON))
        assert await events.get() == Lost("the bus closed the connection")


async def test_a_bus_that_hangs_up_at_once_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/bus")

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_unix_server(hang_up, tmp_path / "bus"), following(tmp_path) as events:
        lost = await events.get()
    assert isinstance(lost, Lost)
    assert lost.reason.startswith("cannot connect to the system bus: ")
