"""Which journals are shown, and that the child which reads them ends with the request."""

import asyncio
import json
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, cast

import pytest

from waypoint_agent import journal
from waypoint_agent.journal import MAX_LINES, Journal, Wanted
from waypoint_core.status.routes import Refused
from waypoint_core.status.server import Request


def asked(**query: str) -> Request:
    return Request("/journal", query)


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name that tells its pid, and then does what is written into its folder."""
    program = tmp_path / "journalctl"
    program.write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\n. {tmp_path}/does\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def entry(message: str) -> str:
    return "echo '" + json.dumps({"__REALTIME_TIMESTAMP": "1700000000000000", "MESSAGE": message}) + "'\n"


async def reading(reader: Journal, **query: str) -> AsyncGenerator[bytes, None]:
    response = await reader.route(asked(unit="waypoint-agent.service", **query))
    return cast("AsyncGenerator[bytes, None]", response.body)


async def messages(body: AsyncGenerator[bytes, None]) -> list[str]:
    told: list[dict[str, Any]] = [json.loads(line) for data in [chunk async for chunk in body] for line in data.split()]
    return [line["message"] for line in told]


def pids(folder: Path) -> list[int]:
    return [int(pid) for pid in (folder / "pids").read_text().split()]


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    "unit",
    [
        "waypoint-agent.service",
        "waypoint-browser@17.service",
        "waypoint-proxy.socket",
        "waypoint.target",
        "etcd.service",
    ],
)
def test_units_that_are_shown(unit: str) -> None:
    assert Wanted.of(asked(unit=unit)).command[6:8] == (f"--unit={unit}", "--lines=100")


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"unit": "ssh.service"},
        {"unit": "*.service"},
        {"unit": "waypoint-agent"},
        {"unit": "waypoint-agent.service\n"},
        {"unit": "waypoint-agent.service --since=x"},
        {"unit": "../waypoint.service"},
        {"unit": "waypoint-[a-z].service"},
        {"unit": "xetcd.service"},
        {"unit": "etcd.service", "lines": "-1"},
        {"unit": "etcd.service", "lines": "all"},
        {"unit": "etcd.service", "lines": ""},
        {"unit": "etcd.service", "lines": "\u0663"},
        {"unit": "etcd.service", "lines": str(MAX_LINES + 1)},
    ],
)
async def test_what_is_not_shown(query: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        await Journal().route(asked(**query))
    assert refused.value.response.status == 400
    assert str(refused.value).startswith("cannot show")


async def test_the_last_lines(journalctl: Path) -> None:
    (journalctl / "does").write_text(entry("one") + entry("two"))
    assert await messages(await reading(Journal())) == ["one", "two"]
    assert not any(map(is_there, pids(journalctl)))


async def test_following_ends_with_the_request(journalctl: Path) -> None:
    (journalctl / "does").write_text(entry("one") + "exec sleep 60\n")
    body = await reading(Journal(), follow="1")
    assert b"one" in await anext(body)
    [pid] = pids(journalctl)
    assert is_there(pid)
    await body.aclose()
    assert not is_there(pid)


async def test_following_ends_with_the_agent(journalctl: Path) -> None:
    (journalctl / "does").write_text(entry("one") + "exec sleep 60\n")
    begun = asyncio.Event()

    async def follow() -> None:
        async for _ in await reading(Journal(), follow="1"):
            begun.set()

    async with asyncio.TaskGroup() as group:
        task = group.create_task(follow())
        await begun.wait()
        task.cancel()
    assert not any(map(is_there, pids(journalctl)))


async def test_a_journal_that_cannot_be_read_says_so(journalctl: Path) -> None:
    (journalctl / "does").write_text("echo 'No journal files were opened' >&2\nexit 1\n")
    [told] = [chunk async for chunk in await reading(Journal())]
    assert json.loads(told)["message"] == "cannot read the journal any further: No journal files were opened"
    assert json.loads(told)["priority"] == 3


async def test_a_host_without_journalctl_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    [told] = [chunk async for chunk in await reading(Journal())]
    assert "cannot read the journal any further: " in json.loads(told)["message"]


async def test_only_so_many_read_at_one_time(journalctl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MAX_READERS", 1)
    (journalctl / "does").write_text(entry("one") + "exec sleep 60\n")
    reader = Journal()
    body = await reading(reader, follow="1")
    await anext(body)
    with pytest.raises(Refused, match="cannot show the journal now"):
        await reading(reader)
    await body.aclose()
    (journalctl / "does").write_text(entry("two"))
    assert await messages(await reading(reader)) == ["two"]
