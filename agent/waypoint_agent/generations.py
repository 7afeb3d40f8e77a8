"""How often each slot has lived, also before this agent's time and before the host's last boot."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import msgspec

from waypoint_agent import atomic

_PAUSE = 1.0
log = logging.getLogger("waypoint.agent.generations")


class Generations:
    """Counts the lives of all slots; keep() writes them to the disk, for which nobody else has to wait.

    A disk can be busy for seconds. Who is killed meanwhile forgets what was not written: the numbers of those lives,
    which identify nothing, come up a second time.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "generations.json"
        self._lives = self._load()
        self._unwritten = asyncio.Event()

    def of(self, slot: int, invocation: str) -> int:
        """Which life of the slot this is, from 1; the same again for the same invocation."""
        generation, last = self._lives.get(str(slot), (0, ""))
        if last == invocation:
            return generation
        self._lives[str(slot)] = (generation + 1, invocation)
        self._unwritten.set()
        return generation + 1

    async def keep(self) -> None:
        """Write what is new, at most once a second, until cancelled; and then what is left."""
        try:
            while True:
                await self._unwritten.wait()
                await self.write()
                await asyncio.sleep(_PAUSE)
        finally:
            if self._unwritten.is_set():
                self._write(json.dumps(self._lives))

    async def write(self) -> None:
        """Returns once the present is on the disk, or was refused by it."""
        self._unwritten.clear()
        await asyncio.to_thread(self._write, json.dumps(self._lives))

    def _write(self, lives: str) -> None:
        try:
            atomic.write(self._file, lives)
        except OSError as error:
            log.warning("cannot write %s: %s", self._file, error)

    def _load(self) -> dict[str, tuple[int, str]]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, tuple[int, str]])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("cannot read %s, generations start anew: %s", self._file, error)
            return {}
