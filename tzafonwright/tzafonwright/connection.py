"""One WebSocket to a server: sends actions, hands each its answer, and says why it ended. Asyncio."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from tzafonwright import actions, protocol, v1
from tzafonwright.errors import ActionTimeout, ConnectionLost, ProtocolError, SessionLost, session_lost
from tzafonwright.exchange import Answer, Exchange, Underway

_MARGIN = 5.0
_MAX_UNREAD = 10_000
log = logging.getLogger("tzafonwright")

OnProgress = Callable[[str, int, "int | None"], None]
"""Called with the stage, the bytes done, and the total if it is known."""


@dataclass
class _Waiting:
    answered: asyncio.Future[Any]
    progress: OnProgress | None = None


class Connection:
    """An open connection; `open` makes one, `close` ends it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._exchange = Exchange(socket.subprotocol)
        self._waiting: dict[int, _Waiting] = {}
        self._happenings: asyncio.Queue[actions.Happening | None] = asyncio.Queue(_MAX_UNREAD)
        self._lost: SessionLost | None = None
        self._sending = asyncio.Lock()
        # Python 3.10 has no task groups; this task is ended by close().
        self._reader = asyncio.get_running_loop().create_task(self._read(), name="tzafonwright reader")

    @classmethod
    async def open(cls, url: str, timeout: float) -> Connection:
        """ValueError when it is no WebSocket URL; ConnectionLost when nobody accepts within timeout seconds."""
        if not url.startswith(("ws://", "wss://")):
            raise ValueError(f"cannot connect to {url!r}: it must start with ws:// or wss://")
        try:
            socket = await connect(
                url,
                subprotocols=[protocol.SUBPROTOCOL],  # type: ignore[list-item]
                max_size=protocol.MAX_FRAME,
                compression=None,
                open_timeout=timeout,
            )
        except InvalidURI as error:
            raise ValueError(f"cannot connect to {url!r}: {error}") from error
        except (OSError, TimeoutError, asyncio.TimeoutError, InvalidHandshake) as error:
            raise ConnectionLost(f"cannot connect to {url}: {_words(error)}") from error
        return cls(socket)

    @property
    def version(self) -> int:
        """Of the protocol that was negotiated: 1 or 2."""
        return self._exchange.version

    async def do(
        self, action: actions.Action, timeout: float, payload: bytes = b"", progress: OnProgress | None = None
    ) -> Any:
        """What the action gives. ActionFailed, SessionLost, InvalidAction or Unsupported when it gives nothing."""
        async with self._sending:
            number, frame = self._exchange.send(action, timeout, payload)
            waiting = await self._send(action.name, number, frame, progress)
        return await self._answer(action.name, number, waiting, timeout)

    async def do_command(self, command: v1.Command) -> Any:
        """The same for a command of the first version."""
        async with self._sending:
            number, frame = self._exchange.send_command(command)
            waiting = await self._send(command.action_type.value, number, frame, None)
        return await self._answer(command.action_type.value, number, waiting, command.timeout / 1000)

    async def happenings(self) -> AsyncIterator[actions.Happening]:
        """What happens of the topics that were asked for; ends with the connection."""
        while (happening := await self._happenings.get()) is not None:
            yield happening

    async def close(self) -> None:
        """End the session; its browser goes with it."""
        await self._socket.close()
        await asyncio.wait([self._reader])

    async def _send(self, name: str, number: int, frame: bytes, progress: OnProgress | None) -> _Waiting:
        if self._lost:
            raise type(self._lost)(f"cannot {name}: {self._lost}", self._lost.close_code, self._lost.reason)
        waiting = self._waiting[number] = _Waiting(asyncio.get_running_loop().create_future(), progress)
        try:
            await self._socket.send(frame)
        except ConnectionClosed:
            await asyncio.wait([self._reader])  # it knows why, and has told everybody who waits
        return waiting

    async def _answer(self, name: str, number: int, waiting: _Waiting, timeout: float) -> Any:
        timer = asyncio.get_running_loop().call_later(timeout + _MARGIN, _give_up, waiting, name, timeout)
        try:
            return await waiting.answered
        finally:
            timer.cancel()
            if self._waiting.get(number) is waiting:  # nobody waits any more
                await self._cancel(number)

    async def _cancel(self, number: int) -> None:
        if waiting := self._waiting.pop(number, None):
            waiting.answered.cancel()
        if (frame := self._exchange.cancel(number)) and not self._lost:
            try:
                await self._socket.send(frame)
            except ConnectionClosed:
                log.debug("cannot cancel: the connection is closed")

    async def _read(self) -> None:
        code, reason = 1006, ""
        try:
            async for frame in self._socket:
                self._receive(frame)
            code, reason = self._socket.close_code or 1006, self._socket.close_reason or ""
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        except ProtocolError as error:
            log.warning("%s; the connection is closed", error)
            code, reason = 1002, str(error)
            await self._socket.close(1002, "protocol error")
        finally:
            self._end(code, reason)

    def _receive(self, frame: bytes | str) -> None:
        event = self._exchange.receive(frame)
        if isinstance(event, actions.Happening):
            if self._happenings.full():
                self._happenings.get_nowait()  # the oldest goes: nobody reads them
            self._happenings.put_nowait(event)
        elif isinstance(event, Underway):
            waiting = self._waiting.get(event.id)
            if waiting and waiting.progress:
                waiting.progress(event.stage, event.done, event.total)
        elif isinstance(event, Answer) and (waiting := self._waiting.pop(event.id, None)):
            if waiting.answered.done():
                return
            if event.error:
                waiting.answered.set_exception(event.error)
            else:
                waiting.answered.set_result(event.value)

    def _end(self, code: int, reason: str) -> None:
        self._lost = session_lost("", code, reason)
        doing = self._exchange.underway
        for waiting in self._waiting.values():
            if not waiting.answered.done():
                waiting.answered.set_exception(session_lost(doing, code, reason))
        self._waiting.clear()
        if self._happenings.full():
            self._happenings.get_nowait()
        self._happenings.put_nowait(None)


def _give_up(waiting: _Waiting, name: str, timeout: float) -> None:
    if not waiting.answered.done():
        late = ActionTimeout(f"cannot {name}: the server did not answer in {timeout:g} s", "timeout")
        waiting.answered.set_exception(late)


def _words(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason_phrase}"
    return str(error) or "no answer in time"
