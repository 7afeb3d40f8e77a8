"""What a slot's unit is told."""

import shlex
from pathlib import Path

import pytest

from waypoint_agent.launch import Launches, endpoints, environment
from waypoint_core.errors import ConfigError
from waypoint_core.flags import check_flags
from waypoint_core.settings import AgentSettings


@pytest.fixture
def launches(tmp_path: Path) -> Launches:
    (tmp_path / "slots").mkdir()
    return Launches(tmp_path / "slots")


def test_environment() -> None:
    settings = AgentSettings(chromium="/opt/my chrome")
    content = environment(settings, 3, ["--lang=de", '--user-agent=a "b" $c `d` \\e'])
    assert content.splitlines()[:2] == ['WAYPOINT_CHROMIUM="/opt/my chrome"', 'WAYPOINT_DEVTOOLS_PORT="20003"']
    flags = content.split("WAYPOINT_BROWSER_FLAGS=", 1)[1]
    assert shlex.split(flags.replace("\\$", "$").replace("\\`", "`")) == ['--lang=de\n--user-agent=a "b" $c `d` \\e']


def test_desktop() -> None:
    """A life's desktop is the one that it was launched with, whatever the settings say now."""
    without = environment(AgentSettings(), 3, [])
    having = environment(AgentSettings(desktop=True, desktop_chromium="/opt/chrome", desktop_size="800x600"), 3, [])
    assert 'WAYPOINT_CHROMIUM="/opt/chrome"' in having
    assert 'WAYPOINT_DESKTOP_SIZE="800x600"' in having
    assert endpoints("ws://a", having) == {"cdp": "ws://a", "desktop": "127.0.0.1:19003"}
    assert endpoints("ws://a", without) == {"cdp": "ws://a"}


@pytest.mark.parametrize("flag", ["lang=de", "-x", "--a\nWAYPOINT_CHROMIUM=/bin/sh", "--a\0", ""])
def test_flags_that_are_none(flag: str) -> None:
    with pytest.raises(ConfigError, match="cannot start browsers with"):
        check_flags([flag])


def test_slot_files(launches: Launches, tmp_path: Path) -> None:
    assert launches.read(3) == ""
    launches.write(3, "A=1\n")
    assert launches.read(3) == "A=1\n"
    assert (tmp_path / "slots/3.env").stat().st_mode & 0o777 == 0o644
    assert [file.name for file in (tmp_path / "slots").iterdir()] == ["3.env"]
