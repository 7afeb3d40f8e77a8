"""A client of the first version: commands one by one, each answered before the next is read."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from tzafonwright import v1
from tzafonwright.commands import as_action
from tzafonwright.errors import InvalidAction, ProtocolError
from tzafonwright.server.backend import Backend
from tzafonwright.server.refused import End, Refused, SessionOver

_LONGEST = 24 * 3600.0


class FirstVersion:
    """Never drops the connection for a command that failed."""

    def __init__(self, backend: Backend, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._backend = backend
        self._send = send

    async def receive(self, frame: bytes | str) -> None:
        """Do what it asks for, and answer. SessionOver when it is too large, or the browser is gone."""
        if len(frame) > v1.MAX_MESSAGE:
            raise SessionOver(1009, f"message larger than {v1.MAX_MESSAGE >> 20} MiB", End.CLIENT_WRONG)
        result = await self._result(frame)
        await self._send(result.dump())

    async def _result(self, frame: bytes | str) -> v1.Result:
        try:
            command = v1.Command.load(frame)
            action = as_action(command)
            given = await self._backend.do(action, None, _deadline(command), b"", _unsaid)
        except (ProtocolError, InvalidAction) as error:
            return v1.Result(False, error_message=str(error))
        except Refused as refused:
            said = f"cannot {command.action_type.value}: {refused.message}"
            return v1.Result(False, error_message=f"{said}; {refused.hint}" if refused.hint else said)
        return v1.Result(True, image=given.payload or None)


def _deadline(command: v1.Command) -> float:
    timeout = command.timeout
    if not isinstance(timeout, int | float) or not timeout > 0:
        raise InvalidAction(f"cannot {command.action_type.value}: timeout must be milliseconds over 0, not {timeout!r}")
    return asyncio.get_running_loop().time() + min(timeout / 1000, _LONGEST)


async def _unsaid(stage: str, done: int, total: int | None) -> None:
    """The first version has no progress."""
