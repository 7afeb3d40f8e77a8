"""A client of the second version: any number of actions under way, in order where they meet, each can be stopped.

An action first stands in the front line, in the order of arrival, until it is known on which tab it is to be done; then
in that tab's line. Actions that change which tab, or which context, is current are done while they are first in the
front line. A client that does not read its answers gets no more of them than there is room for: nothing begins then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tzafonwright import actions, protocol
from tzafonwright.errors import Code, ProtocolError
from tzafonwright.server.answers import Answers
from tzafonwright.server.backend import Given, Say, Spawn
from tzafonwright.server.contexts import Contexts
from tzafonwright.server.line import Line, Place
from tzafonwright.server.refused import End, Refused, SessionOver

_AT_MOST = 1000
_LONGEST = 24 * 3600.0
_BUSY = ("the actions before it took all of its time", "give a longer timeout: it counts from when the request arrives")
_UNREAD = ("the answers to the actions before it were not read in time", "read them, or ask for less at once")
T = TypeVar("T")


class SecondVersion:
    """Answers every request once. over is told when the session cannot go on."""

    def __init__(
        self,
        contexts: Contexts,
        send: Callable[[bytes], Awaitable[None]],
        spawn: Spawn,
        over: Callable[[SessionOver], None],
    ) -> None:
        self._contexts = contexts
        self._send = send
        self._answers = Answers(send)
        self._spawn = spawn
        self._over = over
        self._front = Line()
        self._underway: dict[int, asyncio.Task[Any] | None] = {}
        self._cancelled: set[int] = set()

    async def receive(self, frame: bytes | str) -> None:
        """Begin what it asks for. SessionOver when it is no message."""
        try:
            message, payload = protocol.unpack_from_client(frame)  # type: ignore[arg-type]
        except protocol.UnreadableRequest as error:
            code = Code.UNSUPPORTED if "$.action.do" in str(error) else Code.INVALID
            return await self._send(protocol.pack(protocol.Failed(error.id, code, str(error))))
        except ProtocolError as error:
            raise SessionOver(1002, str(error), End.CLIENT_WRONG) from error
        if isinstance(message, protocol.Cancel):
            self._cancel(message.id)
        elif reason := self._refusal(message):
            await self._send(protocol.pack(protocol.Failed(message.id, Code.INVALID, reason)))
        else:
            self._underway[message.id] = None
            deadline = asyncio.get_running_loop().time() + min(message.timeout, _LONGEST)
            self._spawn(self._serve(message, payload, self._front.join(), deadline))
        return None

    def _refusal(self, request: protocol.Request) -> str:
        if request.id in self._underway:
            return f"there is a request {request.id} under way already"
        if not request.timeout > 0:
            return "timeout must be over 0"
        if len(self._underway) + self._answers.unread >= _AT_MOST:
            return f"{_AT_MOST} actions are under way already"
        return ""

    def _cancel(self, number: int) -> None:
        """One that has not begun yet looks for itself whether it was cancelled."""
        if number in self._underway:
            self._cancelled.add(number)
            if task := self._underway[number]:
                task.cancel()

    async def _serve(self, request: protocol.Request, payload: bytes, place: Place, deadline: float) -> None:
        number = request.id
        self._underway[number] = task = asyncio.current_task()
        try:
            if number in self._cancelled:
                raise Refused(Code.CANCELLED, "it was cancelled")
            frame = _done(number, await self._do(request, payload, place, deadline))
        except Refused as refused:
            frame = _failed(number, refused)
        except SessionOver as over:
            return self._over(over)
        except asyncio.CancelledError:
            if number not in self._cancelled or task is None:
                raise
            task.uncancel()
            frame = _failed(number, Refused(Code.CANCELLED, "it was cancelled"))
        finally:
            place.leave()
            self._underway.pop(number, None)
            self._cancelled.discard(number)
        await self._answers.send(frame)
        return None

    async def _do(self, request: protocol.Request, payload: bytes, front: Place, deadline: float) -> Given:
        action: actions.Action = request.action
        say = self._says(request.id)
        if self._contexts.browser.at_once(action):
            front.leave()
            return await self._contexts.browser.do(action, None, deadline, payload, say)
        await _turn(front, deadline)
        if isinstance(action, actions.SwitchContext):
            await _in_time(self._contexts.switch(action.context), deadline, _BUSY)
            return Given()
        backend = self._contexts.current
        if backend.chooses(action):
            return await backend.do(action, None, deadline, payload, say)
        spot = await _in_time(backend.spot(), deadline, _BUSY)
        place = spot.line.join()
        front.leave()
        try:
            await _turn(place, deadline)
            if self._answers.full:
                await _in_time(self._answers.room(), deadline, _UNREAD)
            return await backend.do(action, spot, deadline, payload, say)
        finally:
            place.leave()

    def _says(self, number: int) -> Say:
        async def say(stage: str, done: int, total: int | None) -> None:
            await self._send(protocol.pack(protocol.Progress(number, stage, done, total)))

        return say


async def _turn(place: Place, deadline: float) -> None:
    if not place.turn.done():
        await _in_time(place.comes(), deadline, _BUSY)


async def _in_time(before: Awaitable[T], deadline: float, otherwise: tuple[str, str]) -> T:
    """What stands before an action: the turn comes, or the time is up. otherwise: what to say then, and a hint."""
    try:
        async with asyncio.timeout_at(deadline):
            return await before
    except TimeoutError:
        raise Refused(Code.TIMEOUT, *otherwise) from None


def _done(number: int, given: Given) -> bytes:
    frame = protocol.pack(protocol.Done(number, given.value), given.payload)
    if len(frame) > protocol.MAX_FRAME or len(frame) - len(given.payload) > protocol.MAX_HEADER:
        raise Refused(Code.UNSUPPORTED, f"what it gives is too large: {len(frame) >> 20} MiB", "ask for less of it")
    return frame


def _failed(number: int, refused: Refused) -> bytes:
    return protocol.pack(protocol.Failed(number, refused.code.value, refused.message, refused.hint))
