"""Nonsense on port 9222 and in etcd: one clear line in the log each, and nothing else is disturbed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter

import pytest

from system.cdp import session
from system.fleet import KEYS, Entry, Fleet
from system.news import eventually
from system.undisturbed import undisturbed

RANDOM_STRINGS = 10_000
UPGRADE = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
MALFORMED = {
    "no request": b"hello\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "zero bytes": bytes(100) + b"\r\n\r\n",
    "header without a colon": b"GET /json/version HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "zero byte in a header": b"GET /json/version HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "negative length": b"GET /json/version HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    "space in the path": b"GET /json /version HTTP/1.1\r\nHost: a\r\n\r\n",
    "upgrade without a key": f"{UPGRADE}Sec-WebSocket-Version: 13\r\n\r\n".encode(),
    "oversized header": b"GET /json/version HTTP/1.1\r\nHost: a\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
    "endless head": b"GET /json/version HTTP/1.1\r\nHost: a\r\n" + b"X-Many: x\r\n" * 10_000,
}
DAEMONS = ("waypoint-agent", "waypoint-proxy")
BROKEN_VALUES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'{"type": 7, "epoch": 7, "proxy": 7, "slots": "all", "load1": "?", "reason": 7}',
    b"\xff",
    b'{"what": ' + b"[" * 3000 + b"]" * 3000 + b"}",
]
ODD_KEYS = [
    "inst/_/x\\377",
    "bindings/p\\377/c",
    "desired/inst/{host}/\\377",
    "desired/inst/{host}/%2F",
    "claims/\\377",
]
ODD_KEYS += ["hosts/\\377/alive", "proxies/\\377", "cp/hosts/\\377"]


async def send(fleet: Fleet, data: bytes, *, finish: bool = False) -> tuple[str, bytes]:
    """Who the proxy takes us for, and all that it answers until it closes the connection."""
    reader, writer = await asyncio.open_connection(fleet.host.address, 9222)
    host, port = writer.get_extra_info("sockname")
    answer = b""
    try:
        writer.write(data)
        if finish:
            writer.write_eof()
        while part := await reader.read(65536):
            answer += part
    except ConnectionError:
        pass  # a refusal need not wait until everything was sent
    finally:
        writer.close()
    return f"{host}:{port}", answer


def lines_about(fleet: Fleet, client: str, since: int = 0) -> list[str]:
    """What the proxy has said of a client's address, after so many lines: ports are used again."""
    return [line for line in fleet.log("waypoint-proxy")[since:] if f"{client}:" in line]


@pytest.mark.parametrize("name", MALFORMED)
async def test_malformed_request(fleet: Fleet, name: str) -> None:
    since = len(fleet.log("waypoint-proxy"))
    async with undisturbed(fleet):
        client, answer = await send(fleet, MALFORMED[name])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 4")
    assert b"content-type: text/plain" in head.lower()
    assert body.strip()
    (line,) = lines_about(fleet, client, since)
    assert body.decode().strip() in line


async def test_slow_heads(fleet: Fleet) -> None:
    since = len(fleet.log("waypoint-proxy"))
    async with undisturbed(fleet), asyncio.TaskGroup() as group:
        slow = [group.create_task(send(fleet, b"GET / HTTP/1.1\r\nHost:")) for _ in range(100)]
        async with session(fleet.ws) as client:
            assert await client.evaluate(await client.page(), "6 * 7") == 42
        assert not any(task.done() for task in slow)
    said = fleet.log("waypoint-proxy")[since:]
    for task in slow:
        client, answer = task.result()
        assert answer.startswith(b"HTTP/1.1 408")
        assert sum(f"{client}:" in line for line in said) == 1


async def test_binary_frame(fleet: Fleet) -> None:
    async with undisturbed(fleet), session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
        await client.send_binary(b"\x00\x01\x02")
        code, reason = await client.closed()
    assert code == 1011
    assert reason
    await eventually(lambda: instance not in fleet.browsers())


async def test_random_bytes(fleet: Fleet) -> None:
    chance = random.Random(9222)
    strings = iter([chance.randbytes(chance.randrange(1, 1500)) for _ in range(RANDOM_STRINGS)])
    before = len(lines_about(fleet, fleet.host.gateway))

    async def client() -> None:
        for string in strings:
            await send(fleet, string, finish=True)

    process = fleet.main_pid("waypoint-proxy")
    async with undisturbed(fleet), asyncio.TaskGroup() as group:
        for _ in range(16):
            group.create_task(client())
    assert fleet.main_pid("waypoint-proxy") == process
    assert len(lines_about(fleet, fleet.host.gateway)) - before == RANDOM_STRINGS


@pytest.mark.parametrize("kind", ["alive", "summary", "instance", "claim", "proxy", "desired host", "desired instance"])
async def test_broken_value(fleet: Fleet, kind: str) -> None:
    """Named once by whoever reads it, and put right by its owner; what operators write they put right themselves."""
    daemons = {unit: fleet.main_pid(unit) for unit in DAEMONS}
    async with undisturbed(fleet) as used:
        for value in BROKEN_VALUES:
            await break_and_heal(fleet, keys_of_each_kind(fleet, used)[kind], value)
    assert daemons == {unit: fleet.main_pid(unit) for unit in DAEMONS}


async def test_keys_that_are_no_text(fleet: Fleet) -> None:
    keys = [KEYS.prefix + key.format(host=fleet.host.name) for key in ODD_KEYS]
    daemons = {unit: fleet.main_pid(unit) for unit in (*DAEMONS, "waypoint-controlplane")}
    ask = 'for key; do etcdctl {} "$(printf "$key")" {} || exit; done'
    async with undisturbed(fleet):
        fleet.host.run("sh", "-c", ask.format("put", '\'{"kind": "x"}\''), "sh", *keys)
        try:
            async with session(fleet.ws) as client:
                used = fleet.instance_of(await client.pid())
            await eventually(lambda: used not in fleet.browsers())
        finally:
            fleet.host.run("sh", "-c", ask.format("del", ""), "sh", *keys)
        await fleet.whole(sessions=1)
    assert daemons == {unit: fleet.main_pid(unit) for unit in daemons}


async def break_and_heal(fleet: Fleet, key: str, value: bytes) -> None:
    before, broken = fleet.entries().get(key), Entry(value, 0)
    said = await asyncio.to_thread(lines_naming, fleet, key)
    fleet.write(key, value)
    try:
        await eventually(lambda: lines_naming(fleet, key) > said or f"nobody names {key}")
        if before is None:
            fleet.etcdctl("del", key)
        if key.startswith(KEYS.claims):  # counts as a claim for as long as its browser lives
            os.kill(fleet.browsers()[key.removeprefix(KEYS.claims)], signal.SIGKILL)
        await eventually(lambda: fleet.entries().get(key) != broken or f"{key} stays broken")
        await fleet.whole(sessions=1)
    finally:
        if fleet.entries().get(key) == broken:  # not to fail all that follows
            fleet.write(key, before.value, before.lease) if before else fleet.etcdctl("del", key)
    more = await asyncio.to_thread(lines_naming, fleet, key) - said
    loggers = [line.partition(":")[0] for line in more.elements()]
    assert len(loggers) == len(set(loggers))


def lines_naming(fleet: Fleet, key: str) -> Counter[str]:
    """What the daemons have said of a key, and how often."""
    return Counter(line for unit in DAEMONS for line in fleet.log(unit) if key in line)


def keys_of_each_kind(fleet: Fleet, used: str) -> dict[str, str]:
    """A key of each kind, none about the browser in use; those of records that operators write are not there yet."""
    host = fleet.host.name
    instance = next(iter(fleet.claims().keys() - {used}))
    return {
        "alive": KEYS.host_alive(host),
        "summary": KEYS.host_summary(host),
        "instance": KEYS.instance(host, instance),
        "claim": KEYS.claim(instance),
        "proxy": KEYS.proxy(host),
        "desired host": KEYS.desired_host(host),
        "desired instance": KEYS.desired_instance(host, instance),
    }
