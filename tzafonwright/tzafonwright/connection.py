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
from tzafonwright.outbox import Outbox

_MARGIN = 5.0
_CLOSE = 10.0
_MAX_UNREAD = 10_000
log = logging.getLogger("tzafonwright")

OnProgress = Callable[[str, int, "int | None"], None]
"""Called with the stage, the bytes done, and the total if it is known. What it raises ends the action."""
Begin = Callable[[], "tuple[int, bytes]"]


@dataclass(eq=False)
class _Waiting:
    answered: asyncio.Future[Any]
    progress: OnProgress | None
    number: int = 0

    def fail(self, error: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(error)


class Connection:
    """An open connection; `open` makes one, `close` ends it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._exchange = Exchange(socket.subprotocol)
        self._waiting: dict[int, _Waiting] = {}
        self._happenings: asyncio.Queue[actions.Happening | None] = asyncio.Queue(_MAX_UNREAD)
        self._lost: SessionLost | None = None
        self._outbox = Outbox(socket)
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
        return await self._do(action.name, lambda: self._exchange.send(action, timeout, payload), timeout, progress)

    async def do_command(self, command: v1.Command) -> Any:
        """The same for a command of the first version."""
        name, timeout = command.action_type.value, command.timeout / 1000
        return await self._do(name, lambda: self._exchange.send_command(command), timeout)

    async def happenings(self) -> AsyncIterator[actions.Happening]:
        """What happens of the topics that were asked for; ends with the connection."""
        while (happening := await self._happenings.get()) is not None:
            yield happening
        self._happenings.put_nowait(None)  # for whoever else listens

    async def close(self) -> None:
        """End the session; its browser goes with it."""
        await self._leave()
        await asyncio.wait([self._reader])

    async def _do(self, name: str, begin: Begin, timeout: float, progress: OnProgress | None = None) -> Any:
        waiting = _Waiting(asyncio.get_running_loop().create_future(), progress)
        try:
            await self._send(name, begin, timeout, waiting)
            return await _answer(name, timeout, waiting)
        finally:
            self._forget(waiting)

    async def _send(self, name: str, begin: Begin, timeout: float, waiting: _Waiting) -> None:
        def pack() -> bytes:
            waiting.number, frame = begin()
            if self._lost:
                raise type(self._lost)(f"cannot {name}: {self._lost}", self._lost.close_code, self._lost.reason)
            self._waiting[waiting.number] = waiting
            return frame

        try:
            await self._outbox.send(pack, timeout + _MARGIN)
        except TimeoutError:
            late = f"cannot {name}: what is to be sent before it did not get through in {timeout:g} s"
            raise ActionTimeout(late, "timeout") from None
        except ConnectionClosed:
            await asyncio.wait([self._reader])  # it knows why, and has told everybody who waits

    def _forget(self, waiting: _Waiting) -> None:
        """Nobody waits for it any more; what was not answered is stopped."""
        if self._waiting.get(waiting.number) is not waiting:
            return
        del self._waiting[waiting.number]
        waiting.answered.cancel()
        if (frame := self._exchange.cancel(waiting.number)) and not self._lost:
            self._outbox.slip_in(frame)

    async def _leave(self, code: int = 1000, reason: str = "") -> None:
        """With a word where the server takes it in time, without where it does not."""
        try:
            await asyncio.wait_for(self._socket.close(code, reason), _CLOSE)
        except (TimeoutError, asyncio.TimeoutError):
            log.debug("the server does not take the end of the connection")
        finally:
            self._socket.transport.abort()

    async def _read(self) -> None:
        code, reason = 1006, ""
        try:
            async for frame in self._socket:
                self._receive(frame)
            code, reason = self._socket.close_code or 1006, self._socket.close_reason or ""
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, self._outbox.stalled)
        except ProtocolError as error:
            log.warning("%s; the connection is closed", error)
            code, reason = 1002, str(error)
            await self._leave(1002, "protocol error")
        finally:
            self._socket.transport.abort()
            self._end(code, reason)

    def _receive(self, frame: bytes | str) -> None:
        event = self._exchange.receive(frame)
        if isinstance(event, actions.Happening):
            if self._happenings.full():
                self._happenings.get_nowait()  # the oldest goes: nobody reads them
            self._happenings.put_nowait(event)
        elif isinstance(event, Underway):
            self._tell_progress(event)
        elif isinstance(event, Answer) and (waiting := self._waiting.pop(event.id, None)):
            if event.error:
                waiting.fail(event.error)
            elif not waiting.answered.done():
                waiting.answered.set_result(event.value)

    def _tell_progress(self, event: Underway) -> None:
        waiting = self._waiting.get(event.id)
        if waiting and waiting.progress and not waiting.answered.done():
            try:
                waiting.progress(event.stage, event.done, event.total)
            except StopIteration as error:  # no future takes it
                waiting.fail(RuntimeError(f"progress raised {error!r}"))
            except Exception as error:  # noqa: BLE001 - it is for whoever passed the callback
                waiting.fail(error)

    def _end(self, code: int, reason: str) -> None:
        self._lost = session_lost("", code, reason)
        doing = self._exchange.underway
        for waiting in self._waiting.values():
            waiting.fail(session_lost(doing, code, reason))
        self._waiting.clear()
        if self._happenings.full():
            self._happenings.get_nowait()
        self._happenings.put_nowait(None)


async def _answer(name: str, timeout: float, waiting: _Waiting) -> Any:
    late = ActionTimeout(f"cannot {name}: the server did not answer in {timeout:g} s", "timeout")
    timer = asyncio.get_running_loop().call_later(timeout + _MARGIN, waiting.fail, late)
    try:
        return await waiting.answered
    finally:
        timer.cancel()


def _words(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"{response.status_code} {response.reason_phrase}"
    return str(error) or "no answer in time"
