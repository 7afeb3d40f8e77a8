"""The host's journal for the status endpoint: `journalctl` as a child that ends with the request that wanted it."""

from __future__ import annotations

import asyncio
import re
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from waypoint_agent.entries import Entries
from waypoint_core.status.reports import JournalReport
from waypoint_core.status.routes import Refused
from waypoint_core.status.server import Request, Response

MAX_LINES = 10_000
MAX_READERS = 10

_UNIT = re.compile(r"(waypoint[A-Za-z0-9@:._*-]*\.(service|socket|target)|etcd\.service)", re.ASCII)
_FIELDS = "MESSAGE,PRIORITY,UNIT,_SYSTEMD_UNIT"
_CHUNK = 64 * 1024
_ERROR = 3
_MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The last lines of a unit's journal, and, with follow, what comes after them."""

    unit: str
    lines: int
    follow: bool

    @classmethod
    def of(cls, request: Request) -> Wanted:
        """What a request asks for. Refused when it is nothing that is shown here."""
        unit, lines = request.query.get("unit", ""), request.query.get("lines", "100")
        if not _UNIT.fullmatch(unit):
            raise Refused(400, f"cannot show the journal of {unit!r}: only of etcd.service and of waypoint's own units")
        if not (lines.isascii() and lines.isdecimal() and int(lines) <= MAX_LINES):
            raise Refused(400, f"cannot show {lines!r} lines: it is a number up to {MAX_LINES}")
        return cls(unit, int(lines), request.query.get("follow", "") in {"1", "true"})

    @property
    def command(self) -> tuple[str, ...]:
        """The command that prints it."""
        shown = ("--output=json", f"--output-fields={_FIELDS}", "--all", "--quiet", "--no-pager")
        wanted = (f"--unit={self.unit}", f"--lines={self.lines}", *(["--follow"] if self.follow else []))
        return ("journalctl", *shown, *wanted, *_this_machine())


class Journal:
    """The route `/journal`."""

    def __init__(self) -> None:
        self._readers = 0

    async def route(self, request: Request) -> Response:
        """One JournalReport a line."""
        wanted = Wanted.of(request)
        if self._readers >= MAX_READERS:
            raise Refused(503, f"cannot show the journal now: {MAX_READERS} others are reading it, try again")
        return Response(self._lines(wanted), "application/jsonl")

    async def _lines(self, wanted: Wanted) -> AsyncIterator[bytes]:
        self._readers += 1
        try:
            async with _running(wanted.command) as process:
                entries = Entries(wanted.unit)
                while data := await _stream(process.stdout).read(_CHUNK):
                    yield _written(entries.feed(data))
                complaint = (await _stream(process.stderr).read(_CHUNK)).decode(errors="replace").strip()
                if await process.wait():
                    yield _written([_sorry(wanted.unit, complaint)])
        except OSError as error:
            yield _written([_sorry(wanted.unit, str(error))])
        finally:
            self._readers -= 1


@asynccontextmanager
async def _running(command: tuple[str, ...]) -> AsyncIterator[Process]:
    """The child, which is gone when this is left."""
    process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _this_machine() -> tuple[str, ...]:
    """What keeps journalctl to this machine's journal, of any boot.

    Without --merge it follows entries of this boot only, and in a container, where our /proc is a fresh one, it reads
    there the boot id of the machine outside.
    """
    try:
        return ("--merge", f"_MACHINE_ID={_MACHINE_ID.read_text().strip()}")
    except OSError:
        return ()


def _sorry(unit: str, why: str) -> JournalReport:
    """A line of the agent's own: the answer has begun, and there is no other place to say it."""
    return JournalReport(round(time.time(), 6), unit, _ERROR, f"cannot read the journal any further: {why}")


def _written(reports: list[JournalReport]) -> bytes:
    return b"".join(msgspec.json.encode(report) + b"\n" for report in reports)


def _stream(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    assert stream  # noqa: S101 - it is a pipe
    return stream
