"""What systemd says of the browsers' units: names, states, and why a life ended. No I/O."""

from __future__ import annotations

import enum
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from waypoint_core.hold import EndCause

PATTERN = "waypoint-browser@*.service"
_NAME = re.compile(r"waypoint-browser@(0|[1-9]\d*)\.service")
_ROOT = "/org/freedesktop/systemd1/unit/"


def unit_name(slot: int) -> str:
    """The unit of a slot."""
    return f"waypoint-browser@{slot}.service"


def slot_of(unit: str) -> int | None:
    """The slot of a unit; None for every other unit."""
    match = _NAME.fullmatch(unit)
    return int(match[1]) if match else None


def names_browser(instance: str, host: str) -> bool:
    """Whether an instance id is that of a browser on this host; other programs choose their ids as they like."""
    return bool(re.fullmatch(rf"{re.escape(host)}_[0-9]+_[0-9a-f]{{32}}", instance))


def object_path(unit: str) -> str:
    """The unit's D-Bus object. Source: bus_label_escape() of systemd."""
    return _ROOT + "".join(char if char.isalnum() else f"_{ord(char):02x}" for char in unit)


def unit_of_path(path: str) -> str:
    """The unit of a D-Bus object; "" when it is not a unit's."""
    if not path.startswith(_ROOT):
        return ""
    return re.sub(r"_([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), path.removeprefix(_ROOT))


class Tolerant(enum.StrEnum):
    """An enum for values of systemd's: one that a newer systemd invents is UNKNOWN."""

    @classmethod
    def _missing_(cls, value: object) -> Tolerant:
        return cls("unknown")


class Active(Tolerant):
    """ActiveState of a unit."""

    ACTIVE = "active"
    RELOADING = "reloading"
    INACTIVE = "inactive"
    FAILED = "failed"
    ACTIVATING = "activating"
    DEACTIVATING = "deactivating"
    UNKNOWN = "unknown"

    @property
    def runs(self) -> bool:
        """A process of the unit may be there."""
        return self not in {Active.INACTIVE, Active.FAILED}


class Result(Tolerant):
    """Result of a service."""

    SUCCESS = "success"
    PROTOCOL = "protocol"
    TIMEOUT = "timeout"
    EXIT_CODE = "exit-code"
    SIGNAL = "signal"
    CORE_DUMP = "core-dump"
    OOM_KILL = "oom-kill"
    RESOURCES = "resources"
    UNKNOWN = "unknown"


class Exit(enum.IntEnum):
    """ExecMainCode of a service: how its main process ended. Source: waitid(2), si_code."""

    NOT = 0
    EXITED = 1
    KILLED = 2
    DUMPED = 3
    UNKNOWN = -1

    @classmethod
    def _missing_(cls, value: object) -> Exit:
        return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class UnitState:
    """A slot's unit at one moment.

    invocation is 32 hex digits, "" when it never ran; status goes with exit; since is when it was last started, in
    seconds since the epoch, 0 when that is not known.
    """

    slot: int
    active: Active = Active.INACTIVE
    invocation: str = ""
    result: Result = Result.SUCCESS
    exit: Exit = Exit.NOT
    status: int = 0
    since: float = 0.0

    def updated(self, properties: Mapping[str, Any]) -> UnitState:
        """This state with D-Bus properties of the Unit and Service interfaces; others are ignored."""
        known = {attribute: read(properties[name]) for name, (attribute, read) in _READ.items() if name in properties}
        return replace(self, **known)


_READ: Mapping[str, tuple[str, Any]] = {
    "ActiveState": ("active", Active),
    "InvocationID": ("invocation", lambda value: bytes(value).hex()),
    "Result": ("result", Result),
    "ExecMainCode": ("exit", Exit),
    "ExecMainStatus": ("status", int),
    "InactiveExitTimestamp": ("since", lambda value: value // 1000 / 1000),
}


# Source: sh(1), EXIT STATUS, of the launcher.
_SHELL_SAYS = {
    126: " (agent.chromium cannot be run)",
    127: " (agent.chromium is not there, or not below /usr or /opt)",
}


def end_cause(unit: UnitState) -> tuple[EndCause, str]:
    """Why the unit's life ended by itself, and the words for it."""
    if unit.result is Result.OOM_KILL:
        return EndCause.OUT_OF_MEMORY, "used more memory than it may"
    if unit.exit in {Exit.KILLED, Exit.DUMPED}:
        return EndCause.CRASHED, f"killed by signal {unit.status} ({_signal_name(unit.status)})"
    if unit.exit is Exit.EXITED and unit.status:
        return EndCause.CRASHED, f"exited with status {unit.status}{_SHELL_SAYS.get(unit.status, '')}"
    if unit.exit is Exit.EXITED:
        return EndCause.EXITED, "exited by itself"
    return EndCause.STOPPED, f"unit is {unit.active}, result {unit.result}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown signal"
