"""How lives are counted, and what of that is on the disk."""

import asyncio
import logging
import os
from pathlib import Path

import pytest

from waypoint_agent.generations import Generations

NAME = "generations.json"


def test_each_invocation_counts_once(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    assert [generations.of(0, "a"), generations.of(0, "a"), generations.of(0, "b")] == [1, 1, 2]
    assert generations.of(1, "c") == 1


async def test_they_outlive_the_agent(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    generations.of(0, "a")
    await generations.write()
    again = Generations(tmp_path)
    assert [again.of(0, "a"), again.of(0, "b")] == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == [NAME]


async def test_what_is_new_is_written_at_the_end(tmp_path: Path) -> None:
    generations = Generations(tmp_path)
    async with asyncio.TaskGroup() as group:
        keeping = group.create_task(generations.keep())
        await asyncio.sleep(0)
        generations.of(0, "a")
        keeping.cancel()
    assert Generations(tmp_path).of(0, "b") == 2


async def test_nobody_waits_for_the_disk(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f".{NAME}.new")  # to open it takes until somebody reads
    generations = Generations(tmp_path)
    generations.of(0, "a")
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(generations.write())
        await asyncio.sleep(0)
        assert generations.of(0, "b") == 2
        assert not writing.done()
        reader = os.open(tmp_path / f".{NAME}.new", os.O_RDONLY | os.O_NONBLOCK)
        await writing
        os.close(reader)


async def test_a_disk_that_refuses_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / f".{NAME}.new").mkdir()
    generations = Generations(tmp_path)
    generations.of(0, "a")
    await generations.write()
    assert caplog.records[0].getMessage().startswith(f"cannot write {tmp_path / NAME}: ")
    assert generations.of(0, "b") == 2


@pytest.mark.parametrize("content", [b"", b"{", b'{"0": 5}', b'{"0": ["x", "y"]}', b"\xff"])
def test_a_broken_file_is_reported_and_started_anew(
    content: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / NAME).write_bytes(content)
    again = Generations(tmp_path)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert again.of(0, "a") == 1
