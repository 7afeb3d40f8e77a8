"""The agent's end of the broker's socket."""

from __future__ import annotations

import asyncio
import itertools
import logging

from waypoint_agent.broker.orders import Answers, Order, Verb, encode
from waypoint_core.dial import connect
from waypoint_core.errors import BrokerError, UnitError

_CHUNK = 64 * 1024
log = logging.getLogger("waypoint.agent.broker")


class Broker:
    """Orders to the broker at path; they are refused when it goes, and wait while it is not there."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[str]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._there = asyncio.Event()

    async def order(self, verb: Verb, slot: int) -> str:
        """The job that systemd has queued. UnitError when it was refused, or nobody knows."""
        while self._writer is None:  # it may have come and gone before this task's turn
            await self._there.wait()
        number = next(self._numbers)
        self._writer.write(encode(Order(number, verb, slot)))
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked[number] = answer
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        while True:
            await self._converse(*await connect(self._path, "the broker", log))

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._there.set()
        answers = Answers()
        try:
            while data := await reader.read(_CHUNK):
                for answer in answers.feed(data):
                    self._answered(answer.number, answer.job, answer.error)
            log.warning("the broker closed its socket")
        except (OSError, BrokerError) as error:
            log.warning("lost the broker: %s", error)
        finally:
            self._there.clear()
            self._writer = None
            writer.close()
            for number in list(self._asked):
                self._answered(number, "", "the broker is gone")

    def _answered(self, number: int, job: str, error: str) -> None:
        answer = self._asked.get(number)
        if answer is None or answer.done():
            return
        if job:
            answer.set_result(job)
        else:
            answer.set_exception(UnitError(error or "the broker gave no reason"))
