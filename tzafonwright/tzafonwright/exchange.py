"""A client's end of the protocol, sans-I/O: actions in, frames out; frames in, answers out. Both versions.

Of the second version, any number of actions may be under way. Of the first there is one at a time, and only the
six actions that it has; what else is asked for raises Unsupported.
"""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec

from tzafonwright import actions, protocol, v1
from tzafonwright.commands import as_action, as_command
from tzafonwright.errors import ActionFailed, ActionTimeout, ProtocolError, TzafonWrightError


@dataclass(frozen=True)
class Answer:
    """An action has ended: with a value, or with an error."""

    id: int
    value: Any = None
    error: TzafonWrightError | None = None


@dataclass(frozen=True)
class Underway:
    """An action says how far it is."""

    id: int
    stage: str
    done: int
    total: int | None


Event = Answer | Underway | actions.Happening


class Exchange:
    """One connection. subprotocol is what was negotiated; None: the first version."""

    def __init__(self, subprotocol: str | None) -> None:
        self.version = 2 if subprotocol == protocol.SUBPROTOCOL else 1
        self._ids = itertools.count(1)
        self._underway: dict[int, actions.Action] = {}
        self._in_order: deque[int] = deque()

    @property
    def underway(self) -> str:
        """The names of the actions that have not ended, for messages."""
        return ", ".join(action.name for action in self._underway.values())

    def send(self, action: actions.Action, timeout: float, payload: bytes = b"") -> tuple[int, bytes]:
        """The action's number, and the frame to send. InvalidAction or Unsupported when there is none to send."""
        actions.checked(action)
        number = next(self._ids)
        if self.version == 1:
            frame = as_command(action, timeout).dump()
            self._in_order.append(number)
        else:
            frame = protocol.pack(protocol.Request(number, action, timeout), payload)  # type: ignore[arg-type]
        self._underway[number] = action
        return number, frame

    def send_command(self, command: v1.Command) -> tuple[int, bytes]:
        """The same for a command of the first version, on a connection of either."""
        action = as_action(command)
        if self.version == 2:
            return self.send(action, command.timeout / 1000)
        number = next(self._ids)
        self._in_order.append(number)
        self._underway[number] = action
        return number, command.dump()

    def cancel(self, number: int) -> bytes | None:
        """The frame that asks for an action's end; None where the server cannot be asked."""
        if self.version == 1 or number not in self._underway:
            return None
        return protocol.pack(protocol.Cancel(number))

    def receive(self, frame: bytes | str) -> Event | None:
        """What a frame means; None: nothing that anybody waits for. ProtocolError when it means nothing at all."""
        if self.version == 1:
            return self._receive_result(frame)
        if isinstance(frame, str):
            raise ProtocolError("cannot read message: it is a text frame")
        message, payload = protocol.unpack_from_server(frame)
        if isinstance(message, protocol.Told):
            return message.happening
        if isinstance(message, protocol.Progress):
            return Underway(message.id, message.stage, message.done, message.total)
        action = self._underway.pop(message.id, None)
        if action is None:
            return None
        if isinstance(message, protocol.Failed):
            return Answer(message.id, error=_failure(action, message))
        return _answer(message, action, payload)

    def _receive_result(self, frame: bytes | str) -> Answer:
        result = v1.Result.load(frame)
        if not self._in_order:
            raise ProtocolError("cannot read message: it answers nothing")
        number = self._in_order.popleft()
        action = self._underway.pop(number)
        if not result.success:
            return Answer(
                number, error=ActionFailed(f"cannot {action.name}: {result.error_message or 'no reason given'}")
            )
        return Answer(number, value=_of_first_version(action, result))


def _answer(message: protocol.Done, action: actions.Action, payload: bytes) -> Answer:
    try:
        if action.gives is bytes:
            return Answer(message.id, payload)
        if action.gives is None or action.gives is Any:
            return Answer(message.id, message.value)
        value = msgspec.convert(message.value, type=action.gives)
    except msgspec.ValidationError as error:
        raise ProtocolError(f"cannot read the answer to {action.name}: {error}") from error
    return Answer(
        message.id, msgspec.structs.replace(value, data=payload) if action.gives is actions.Download else value
    )


def _failure(action: actions.Action, failed: protocol.Failed) -> ActionFailed:
    kind = ActionTimeout if failed.code == "timeout" else ActionFailed
    return kind(f"cannot {action.name}: {failed.message}", failed.code, failed.hint)


def _of_first_version(action: actions.Action, result: v1.Result) -> Any:
    if isinstance(action, actions.Screenshot):
        return result.image or b""
    if isinstance(action, actions.Goto):
        return actions.Page(action.url)
    return None
