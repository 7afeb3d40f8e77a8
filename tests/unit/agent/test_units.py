"""What systemd says, understood."""

import pytest
from dbus_fast import Variant

from waypoint_agent.units import (
    Active,
    Exit,
    Result,
    UnitState,
    end_cause,
    names_browser,
    object_path,
    slot_of,
    unit_name,
    unit_of_path,
)
from waypoint_core.hold import EndCause


@pytest.mark.parametrize(
    ("unit", "slot"),
    [
        ("waypoint-browser@0.service", 0),
        ("waypoint-browser@417.service", 417),
        ("waypoint-browser@01.service", None),
        ("waypoint-browser@x.service", None),
        ("waypoint-browser@.service", None),
        ("waypoint-browser@1.service.d", None),
        ("waypoint-agent.service", None),
    ],
)
def test_slots_and_units(unit: str, slot: int | None) -> None:
    assert slot_of(unit) == slot
    assert slot is None or unit_name(slot) == unit


def test_object_paths() -> None:
    path = "/org/freedesktop/systemd1/unit/waypoint_2dbrowser_4012_2eservice"
    assert object_path("waypoint-browser@12.service") == path
    assert unit_of_path(path) == "waypoint-browser@12.service"
    assert unit_of_path("/org/freedesktop/systemd1/job/7") == ""


def test_properties() -> None:
    properties = {
        "ActiveState": Variant("s", "active"),
        "InvocationID": Variant("ay", bytes.fromhex("00ff" * 8)),
        "InactiveExitTimestamp": Variant("t", 1700000000123456),
        "ExecMainCode": Variant("i", 2),
        "ExecMainStatus": Variant("i", 9),
        "Result": Variant("s", "signal"),
        "Unheard": Variant("s", "of"),
    }
    seen = UnitState(3).updated({name: variant.value for name, variant in properties.items()})
    assert seen == UnitState(3, Active.ACTIVE, "00ff" * 8, Result.SIGNAL, Exit.KILLED, 9, since=1700000000.123)
    assert seen.updated({}) == seen


def test_what_a_newer_systemd_invents_is_unknown() -> None:
    seen = UnitState(0).updated({"ActiveState": "dreaming", "Result": "bored", "ExecMainCode": 17})
    assert (seen.active, seen.result, seen.exit) == (Active.UNKNOWN, Result.UNKNOWN, Exit.UNKNOWN)
    assert seen.active.runs, "what is not understood is not assumed to be gone"


@pytest.mark.parametrize(
    ("unit", "cause", "detail"),
    [
        (UnitState(0, exit=Exit.KILLED, status=9), EndCause.CRASHED, "killed by signal 9 (SIGKILL)"),
        (
            UnitState(0, result=Result.CORE_DUMP, exit=Exit.DUMPED, status=11),
            EndCause.CRASHED,
            "killed by signal 11 (SIGSEGV)",
        ),
        (UnitState(0, exit=Exit.KILLED, status=200), EndCause.CRASHED, "killed by signal 200 (unknown signal)"),
        (
            UnitState(0, result=Result.OOM_KILL, exit=Exit.KILLED, status=9),
            EndCause.OUT_OF_MEMORY,
            "used more memory than it may",
        ),
        (UnitState(0, result=Result.EXIT_CODE, exit=Exit.EXITED, status=21), EndCause.CRASHED, "exited with status 21"),
        (
            UnitState(0, result=Result.EXIT_CODE, exit=Exit.EXITED, status=127),
            EndCause.CRASHED,
            "exited with status 127 (agent.chromium is not there, or not below /usr or /opt)",
        ),
        (UnitState(0, exit=Exit.EXITED), EndCause.EXITED, "exited by itself"),
        (UnitState(0, Active.DEACTIVATING), EndCause.STOPPED, "unit is deactivating, result success"),
    ],
)
def test_end_causes(unit: UnitState, cause: EndCause, detail: str) -> None:
    assert end_cause(unit) == (cause, detail)


def test_browser_ids() -> None:
    assert names_browser(f"h.example_0_{'a' * 32}", "h.example")
    assert not names_browser(f"hxexample_0_{'a' * 32}", "h.example")
    assert not names_browser("h.example_vm-7", "h.example")
