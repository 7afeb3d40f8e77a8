"""The command line as a whole: help, lazy commands, completion."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from unit.controlplane.cli.conftest import Ctl
from waypoint_controlplane.cli.failures import MEANINGS
from waypoint_controlplane.cli.lazy import LazyGroup
from waypoint_controlplane.cli.program import program
from waypoint_controlplane.cli.verb import Verb

_SLOW = ("grpc", "google.protobuf", "yaml", "websockets", "asyncio")


def commands(group: LazyGroup, path: str = "") -> Iterator[tuple[str, str, click.Command]]:
    """Name, summary in the list, and the command itself."""
    context = click.Context(group)
    for section in group.sections.values():
        for name, summary in section.items():
            command = group.get_command(context, name)
            assert command, name
            yield f"{path}{name}", summary, command
            if isinstance(command, LazyGroup):
                yield from commands(command, f"{path}{name} ")


_ALL = list(commands(program))  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "summary", "command"), _ALL, ids=[name for name, _, _ in _ALL])
def test_each_help(name: str, summary: str, command: click.Command) -> None:
    """The list says what the command itself says, and --help has examples that call it."""
    assert (command.help or "").splitlines()[0] == f"{summary}."
    assert command.name == name.rpartition(" ")[2]
    text = CliRunner().invoke(program, [*name.split(), "--help"], prog_name="waypointctl").stdout
    if isinstance(command, Verb):
        assert "Examples:" in text
        assert f"  waypointctl {name}" in text
        assert "-o, --output" in text


def test_help_tells_exit_codes() -> None:
    text = CliRunner().invoke(program, ["--help"]).stdout
    for code, meaning in MEANINGS.items():
        assert f"{int(code):<5}{meaning}" in text


def test_help_imports_nothing_slow() -> None:
    code = (
        "import sys\nfrom waypoint_controlplane.cli.program import program\n"
        "program(['--help'], standalone_mode=False)\n"
        f"print([name for name in {_SLOW} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["frobnicate"], "No such command"),
        (["get", "hosts", "-o", "xml"], "'xml' is not one of"),
        (["drain"], "Missing argument 'HOST'"),
        (["drain", "a", "--deadline", "soon"], "'soon' is not a span of time such as 90s, 10m or 1h30m"),
        (["kill", "x"], "Missing option '--reason'"),
        (["get", "hosts", "--label", "zone"], "'zone' is not key=value"),
    ],
)
def test_usage_errors(words: list[str], complaint: str) -> None:
    result = CliRunner().invoke(program, words)
    assert result.exit_code == 2
    assert complaint in result.stderr


@pytest.mark.parametrize(("shell", "mark"), [("bash", "complete -o"), ("zsh", "#compdef"), ("fish", "complete --")])
def test_completion_script(shell: str, mark: str) -> None:
    result = CliRunner().invoke(program, ["completion", shell], prog_name="waypointctl")
    assert result.exit_code == 0
    assert mark in result.stdout
    assert "_WAYPOINTCTL_COMPLETE" in result.stdout


def completed(line: str, server: str) -> list[str]:
    """What bash would offer for the last word of a line."""
    words = line.split(" ")
    environment = {
        **os.environ,
        "_WAYPOINTCTL_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words) - 1),
        "WAYPOINT_CTL_SERVERS": server,
    }
    code = (
        "from waypoint_controlplane.cli import connection, main, names\n"
        "names._PATIENCE = connection._CONNECT = 60\n"
        "main()"
    )
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert shown.stderr == ""
    return [line.partition(",")[2] for line in shown.stdout.splitlines() if line]


def test_completion_of_names(ctl: Ctl) -> None:
    assert completed("waypointctl drain ", ctl.server) == ["a", "b"]
    assert completed("waypointctl kill a_", ctl.server) == ["a_0_3f2a", "a_3_77"]
    assert completed("waypointctl get ho", ctl.server) == ["hosts"]
    assert completed("waypointctl drain ", "127.0.0.1:1") == []
