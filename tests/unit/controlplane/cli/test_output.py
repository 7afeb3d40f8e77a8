"""Colours only where they are wanted; top on a terminal."""

from collections.abc import Callable

import pytest

from unit.controlplane.cli.conftest import Ctl
from waypoint_controlplane.cli import output


@pytest.mark.parametrize(
    ("terminal", "variables", "colours"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours(monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], colours: bool) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in output.coloured("ready")) is colours
    assert output.coloured("anything else") == "anything else"


def test_colours_do_not_shift_columns(
    ctl: Ctl, on_terminal: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = ctl.says("get", "hosts")
    monkeypatch.setattr(output, "colourful", lambda: True)
    assert "ready" in bare
    assert output.table([1], [output.Column("STATE", lambda _: "ready"), output.Column("X", lambda _: "y")]) == (
        "STATE   X\n\x1b[32mready\x1b[0m   y"
    )


def test_top_again_and_again(ctl: Ctl, on_terminal: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal each round starts at the top; Ctrl-C is how it ends."""
    rounds = []

    def interrupted(_: float) -> None:
        rounds.append(1)
        if len(rounds) == 3:
            raise KeyboardInterrupt

    on_terminal()
    monkeypatch.setattr("time.sleep", interrupted)
    said = ctl.says("top", "-w")
    assert said.count("Ctrl-C ends") == 3
    assert said.count("PSI-CPU") == 3
