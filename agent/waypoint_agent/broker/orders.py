"""What the agent and its broker say to each other, sans-I/O: one JSON object a line on a local stream socket.

The agent gives orders, each with a number of its choice: a verb and a slot, so that no other unit can be named at all.
The broker answers each once, in any order: with the job that systemd has queued, or why it has not. What becomes of the
job the agent hears from systemd itself.
"""

from __future__ import annotations

import enum
from typing import Annotated

import msgspec

from waypoint_core import lines
from waypoint_core.errors import BrokerError

MOST_SLOTS = 65536


class Verb(enum.StrEnum):
    """What is to be done to a slot's unit."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the agent."""

    number: int
    verb: Verb
    slot: Annotated[int, msgspec.Meta(ge=0, lt=MOST_SLOTS)]


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """From the broker: the job's D-Bus object, or why there is none."""

    number: int
    job: str = ""
    error: str = ""


class Orders(lines.Lines[Order]):
    """Bytes in, orders out. BrokerError when a line is too long or no order."""

    def __init__(self) -> None:
        super().__init__(Order, "order to the broker", BrokerError)


class Answers(lines.Lines[Answer]):
    """Bytes in, answers out. BrokerError when a line is too long or no answer."""

    def __init__(self) -> None:
        super().__init__(Answer, "answer of the broker", BrokerError)


def encode(message: Order | Answer) -> bytes:
    """One line, newline included."""
    return msgspec.json.encode(message) + b"\n"
