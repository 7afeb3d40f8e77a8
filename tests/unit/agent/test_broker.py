"""Both ends of the broker's socket, and what goes over it."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from waypoint_agent.broker import client, daemon
from waypoint_agent.broker.orders import Answer, Order, Orders, Verb, encode
from waypoint_core.errors import BrokerError, UnitError

RESTART = Order(1, Verb.RESTART, 3)


def test_an_order_comes_through_in_any_pieces() -> None:
    orders = Orders()
    line = encode(RESTART)
    assert [orders.feed(line[at : at + 1]) for at in range(len(line))][-1] == [RESTART]
    assert orders.feed(line + line) == [RESTART, RESTART]


@pytest.mark.parametrize(
    "line",
    [
        b"stop dbus.service",
        b'{"number": 1, "verb": "kill", "slot": 1}',
        b'{"number": 1, "verb": "stop", "slot": -1}',
        b'{"number": 1, "verb": "stop", "slot": 65536}',
        b'{"number": 1, "verb": "stop", "slot": "1"}',
        b'{"number": 1, "verb": "stop", "slot": 1, "unit": "dbus.service"}',
        b'{"number": 1, "verb": "stop"}',
        b"\xff",
    ],
)
def test_what_is_no_order(line: bytes) -> None:
    with pytest.raises(BrokerError, match="cannot read order to the broker"):
        Orders().feed(line + b"\n")


@asynccontextmanager
async def listening(path: Path, hear: Callable[[bytes], bytes | None]) -> AsyncIterator[None]:
    """A broker that answers each line; None: it hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()) and (answer := hear(line)) is not None:
            writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        yield


@asynccontextmanager
async def running(broker: client.Broker) -> AsyncIterator[client.Broker]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(broker.run())
        yield broker
        task.cancel()


async def test_the_agent_is_told_the_job_or_why_there_is_none(tmp_path: Path) -> None:
    def hear(line: bytes) -> bytes:
        (order,) = Orders().feed(line)
        return encode(
            Answer(order.number, job=f"/job/{order.slot}") if order.slot else Answer(order.number, error="no")
        )

    async with listening(tmp_path / "s", hear), running(client.Broker(str(tmp_path / "s"))) as broker:
        asked = [broker.order(Verb.START, slot) for slot in (1, 2)]
        assert await asyncio.gather(*asked) == ["/job/1", "/job/2"]
        with pytest.raises(UnitError, match="no"):
            await broker.order(Verb.STOP, 0)


@pytest.mark.parametrize("answer", [None, b"what?\n"])
async def test_a_broker_that_goes_leaves_nobody_waiting(tmp_path: Path, answer: bytes | None) -> None:
    async with listening(tmp_path / "s", lambda _: answer), running(client.Broker(str(tmp_path / "s"))) as broker:
        for _ in range(2):
            with pytest.raises(UnitError, match="the broker is gone"):
                await broker.order(Verb.STOP, 1)


async def test_orders_wait_until_it_is_there(tmp_path: Path) -> None:
    async with running(client.Broker(str(tmp_path / "s"))) as broker, asyncio.TaskGroup() as group:
        order = group.create_task(broker.order(Verb.START, 1))
        await asyncio.sleep(0)
        async with listening(tmp_path / "s", lambda _: encode(Answer(1, job="/job/1"))):
            assert await order == "/job/1"


async def test_orders_wait_though_it_comes_and_goes_in_one_breath(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = asyncio.StreamReader()
    gone.feed_eof()
    ours, theirs = socket.socketpair()
    _, writer = await asyncio.open_unix_connection(sock=ours)
    connected, connect = [(gone, writer)], client.connect

    async def first_in_vain(
        path: str, who: str, log: logging.Logger
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return connected.pop() if connected else await connect(path, who, log)

    monkeypatch.setattr(client, "connect", first_in_vain)
    broker = client.Broker(str(tmp_path / "s"))
    with theirs:
        async with listening(tmp_path / "s", lambda _: encode(Answer(1, job="/job/1"))), asyncio.TaskGroup() as group:
            order = group.create_task(broker.order(Verb.START, 1))
            await asyncio.sleep(0)
            task = group.create_task(broker.run())
            assert await order == "/job/1"
            task.cancel()


class Systemd:
    """Queues a job for every order, unless it is told why not."""

    def __init__(self) -> None:
        self.done: list[Order] = []
        self.why_not = ""

    async def job(self, order: Order) -> str:
        if self.why_not:
            raise UnitError(self.why_not)
        self.done.append(order)
        return "/job/1"


@asynccontextmanager
async def serving(systemd: Systemd) -> AsyncIterator[tuple[socket.socket, daemon.Connection, asyncio.StreamReader]]:
    """The agent's socket, and the broker's end of it, which does not read yet."""
    ours, theirs = socket.socketpair()
    with ours:
        ours.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=theirs)
        yield ours, daemon.Connection(systemd, writer), reader  # type: ignore[arg-type]


async def hears(agent: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(agent, 4096)


async def test_the_broker_answers_with_the_job_or_why_there_is_none() -> None:
    systemd = Systemd()
    async with serving(systemd) as (agent, connection, reader), asyncio.TaskGroup() as group:
        group.create_task(connection.serve(reader))
        agent.send(encode(RESTART))
        assert await hears(agent) == b'{"number":1,"job":"/job/1"}\n'
        systemd.why_not = "no such unit"
        agent.send(encode(RESTART))
        assert await hears(agent) == b'{"number":1,"error":"no such unit"}\n'
        agent.shutdown(socket.SHUT_WR)
    assert systemd.done == [RESTART]


async def test_who_breaks_the_protocol_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    systemd = Systemd()
    async with serving(systemd) as (agent, connection, reader):
        agent.send(b"stop dbus.service\n")
        await connection.serve(reader)
        assert await hears(agent) == b""
    assert systemd.done == []
    assert "cannot read order to the broker b'stop dbus.service'" in caplog.text


async def test_what_a_dead_agent_ordered_is_not_done() -> None:
    """Its successor may have given that browser out."""
    systemd = Systemd()
    async with serving(systemd) as (agent, connection, reader):
        agent.send(encode(RESTART))
        agent.close()
        await connection.serve(reader)
    assert systemd.done == []
