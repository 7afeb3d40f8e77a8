"""The first version of the protocol: one JSON object a binary frame, one request, one answer, in order."""

from __future__ import annotations

import base64
import binascii
import enum
import json
from dataclasses import dataclass, fields
from typing import Any

from tzafonwright.errors import ProtocolError

MAX_MESSAGE = 16 * 1024 * 1024
DEFAULT_TIMEOUT_MS = 30000


class ActionType(str, enum.Enum):
    """What a command does, by its name on the wire."""

    CLICK = "click"
    TYPE = "type"
    SCROLL = "scroll"
    GOTO = "goto"
    SCREENSHOT = "screenshot"
    SET_VIEWPORT_SIZE = "set_viewport_size"


@dataclass
class Command:
    """One request. Absent fields are left out on the wire; timeout in milliseconds."""

    action_type: ActionType
    x: float | None = None
    y: float | None = None
    text: str | None = None
    delta_x: float | None = None
    delta_y: float | None = None
    url: str | None = None
    width: int | None = None
    height: int | None = None
    timeout: int = DEFAULT_TIMEOUT_MS

    def dump(self) -> bytes:
        """As sent: a binary frame's payload."""
        shown = {item.name: getattr(self, item.name) for item in fields(self)}
        shown["action_type"] = ActionType(self.action_type).value
        return json.dumps({name: value for name, value in shown.items() if value is not None}).encode()

    @classmethod
    def load(cls, data: bytes | str) -> Command:
        """As received; unknown keys are ignored. ProtocolError when it is not a command."""
        found = _object(data, "command")
        try:
            action = ActionType(found.get("action_type"))
        except ValueError:
            raise ProtocolError(f"cannot read command: there is no action_type {found.get('action_type')!r}") from None
        known = {item.name: found[item.name] for item in fields(cls) if found.get(item.name) is not None}
        return cls(**{**known, "action_type": action})


@dataclass
class Result:
    """The answer to a command; image is a JPEG where there is one."""

    success: bool
    image: bytes | None = None
    error_message: str | None = None

    def dump(self) -> bytes:
        """As sent: a binary frame's payload."""
        shown: dict[str, Any] = {"success": self.success}
        if self.image is not None:
            shown["image"] = base64.b64encode(self.image).decode()
        if self.error_message is not None:
            shown["error_message"] = self.error_message
        return json.dumps(shown).encode()

    @classmethod
    def load(cls, data: bytes | str) -> Result:
        """As received. ProtocolError when it is not a result."""
        found = _object(data, "result")
        image = found.get("image")
        try:
            decoded = None if image is None else base64.b64decode(image, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise ProtocolError(f"cannot read result: its image is not base64: {error}") from error
        if not isinstance(found.get("success"), bool):
            raise ProtocolError("cannot read result: it does not say whether it succeeded")
        return cls(found["success"], decoded, found.get("error_message"))


def _object(data: bytes | str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"cannot read {what}: it is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ProtocolError(f"cannot read {what}: it is not a JSON object")
    return found
