"""This proxy's end of the hold socket: what it holds, through every restart of the agent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from waypoint_core.dial import connect
from waypoint_core.errors import HoldError, SessionError
from waypoint_core.hold import (
    EndCause,
    Ended,
    Held,
    Hold,
    Lines,
    Message,
    Refused,
    Release,
    encode,
)

_ANSWER_TIMEOUT = 30.0
_CHUNK = 65536
log = logging.getLogger("waypoint.proxy.holds")


@dataclass(slots=True)
class _Holding:
    session: str = ""
    said: bool = False
    """Whether some agent may have heard of it."""
    released_before: tuple[str, ...] = ()
    """What the agent has heard of once it answers: it reads in order."""
    answered: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Holds:
    """What this proxy holds at its host's agent; on_ended is told of each instance that ends meanwhile."""

    def __init__(self, path: str, on_ended: Callable[[Ended], None]) -> None:
        self._path = path
        self._on_ended = on_ended
        self._held: dict[str, _Holding] = {}
        self._unheard: dict[str, Release] = {}
        self._writer: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        """Stay connected until cancelled; each new agent is told again of everything that is held."""
        while True:
            reader, self._writer = await connect(self._path, "the agent", log)
            await self._converse(reader, self._writer)

    def holds(self, instance: str) -> bool:
        """Whether this proxy has the instance, or is asking for it."""
        return instance in self._held

    async def hold(self, instance: str) -> None:
        """Returns once the agent has given the instance. SessionError when it refuses or does not answer."""
        if instance in self._held:
            raise SessionError(f"cannot hold {instance}: this proxy holds it already")
        holding = self._held[instance] = _Holding()
        holding.said = self._ask(instance, holding)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                await holding.answered
        except TimeoutError:
            self.release(instance, "the agent did not answer in time")
            raise SessionError(
                f"cannot hold {instance}: the agent did not answer within {_ANSWER_TIMEOUT:g} s"
            ) from None
        except BaseException:
            self.release(instance, "no longer wanted")
            raise

    def use(self, instance: str, session: str) -> None:
        """Say which session uses a held instance."""
        if holding := self._held.get(instance):
            holding.session = session
            self._ask(instance, holding)

    def release(self, instance: str, reason: str) -> None:
        """Give an instance back to be recycled; what an agent that dies may not have heard, the next one is told."""
        if self._held.pop(instance, None) is None:
            return
        self._unheard[instance] = Release(instance=instance, reason=reason)
        self._say(self._unheard[instance])

    def _ask(self, instance: str, holding: _Holding, *, again: bool = False) -> bool:
        holding.released_before = tuple(self._unheard)
        return self._say(Hold(instance=instance, session=holding.session, again=again))

    def _say(self, message: Message) -> bool:
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(encode(message))
        return True

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self._repeat()
            lines = Lines()
            while data := await reader.read(_CHUNK):
                for message in lines.feed(data):
                    self._hear(message)
            log.warning("the agent closed the hold socket")
        except (OSError, HoldError) as error:
            log.warning("lost the agent: %s", error)
        finally:
            self._writer = None
            writer.close()

    def _repeat(self) -> None:
        for release in self._unheard.values():
            self._say(release)
        for instance, holding in self._held.items():
            self._ask(instance, holding, again=holding.said)
            holding.said = True

    def _hear(self, message: Message) -> None:
        match message:
            case Held(instance=instance) if holding := self._held.get(instance):
                for released in holding.released_before:
                    self._unheard.pop(released, None)
                if not holding.answered.done():
                    holding.answered.set_result(None)
            case Refused(instance=instance, reason=reason):
                self._refused(instance, reason)
            case Ended(instance=instance):
                self._ended(message)

    def _refused(self, instance: str, reason: str) -> None:
        holding = self._held.get(instance)
        if holding is None:
            return
        if holding.answered.done():
            self._ended(Ended(instance=instance, cause=EndCause.STOPPED, detail=reason))
        else:
            del self._held[instance]
            holding.answered.set_exception(SessionError(f"cannot hold {instance}: {reason}"))

    def _ended(self, ended: Ended) -> None:
        holding = self._held.pop(ended.instance, None)
        if holding is None:
            return
        if holding.answered.done():
            self._on_ended(ended)
        else:
            holding.answered.set_exception(SessionError(f"cannot hold {ended.instance}: it has ended"))
