"""What all commands share: the options that stand everywhere, examples in the help, and what was asked for."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from waypoint_controlplane.cli.ages import Span
from waypoint_controlplane.cli.failures import Failure
from waypoint_core import config
from waypoint_core.errors import ConfigError
from waypoint_core.settings import Settings

FORMATS = ("table", "wide", "json", "yaml")


@dataclass
class Invocation:
    """What the options that stand everywhere said. flags: settings by path, as `config.load` takes them."""

    output: str = "table"
    file: Path | None = None
    timeout: float = 10.0
    flags: dict[str, str] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The effective settings. Failure if one of them is wrong."""
        try:
            return config.load(self.file, self.flags)
        except ConfigError as error:
            raise Failure(str(error)) from error

    @property
    def plain(self) -> bool:
        """Whether people are to read it, rather than programs."""
        return self.output in {"table", "wide"}

    @property
    def by(self) -> str:
        """Who asks, as it stands in events: user@host."""
        return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"


class Verb(click.Command):
    """A command with the options that stand everywhere, and with examples in its help."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples
        self.params += everywhere(shown=False)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, as they are, and where the other options are."""
        write_examples(self.examples, formatter)
        formatter.write_paragraph()
        formatter.write_text("Options that stand everywhere and exit codes: waypointctl --help")


def write_examples(examples: str, formatter: click.HelpFormatter) -> None:
    """Each line indented, none wrapped."""
    if examples:
        with formatter.section("Examples"):
            formatter.write("".join(f"  {line.strip()}\n" for line in examples.strip().splitlines()))


def everywhere(*, shown: bool) -> list[click.Option]:
    """The options that stand everywhere; the innermost of several wins. All but -o are hidden unless shown."""
    hide = not shown
    rows = [row for row in config.table() if row.section == "tls"]
    return [
        _option(
            ["-o", "--output"], _output, type=click.Choice(FORMATS), help="how to show it; table unless said otherwise"
        ),
        _option(
            ["--server"],
            _servers,
            multiple=True,
            metavar="HOST:PORT",
            hidden=hide,
            help="a control plane; of several the first that answers [WAYPOINT_CTL_SERVERS, setting ctl.servers]",
        ),
        _option(
            ["--timeout"],
            _timeout,
            type=Span(),
            hidden=hide,
            help="longest wait for an answer; 10s unless said otherwise",
        ),
        _option(
            ["--config"],
            _file,
            type=click.Path(path_type=Path),
            hidden=hide,
            help=f"settings file; {config.DEFAULT_FILE} unless said otherwise",
        ),
        *(
            _option([row.flag, row.path.replace(".", "_")], _flag(row.path), metavar="FILE", hidden=hide, help=row.help)
            for row in rows
        ),
    ]


def _option(names: list[str], callback: Any, **attributes: Any) -> click.Option:
    return click.Option(names, expose_value=False, callback=callback, **attributes)


def _output(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value:
        ctx.ensure_object(Invocation).output = value


def _servers(ctx: click.Context, _: click.Parameter, value: tuple[str, ...]) -> None:
    if value:
        ctx.ensure_object(Invocation).flags["ctl.servers"] = ",".join(value)


def _timeout(ctx: click.Context, _: click.Parameter, value: float | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).timeout = value


def _file(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.ensure_object(Invocation).file = value


def _flag(path: str) -> Any:
    def store(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.ensure_object(Invocation).flags[path] = value

    return store
