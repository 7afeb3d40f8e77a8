"""A group that knows its commands by name and summary, and imports one when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from waypoint_controlplane.cli.verb import everywhere


class LazyGroup(click.Group):
    """sections: heading -> command name -> one-line summary; command NAME is `command` in module PACKAGE.NAME.

    shown: whether its help tells the options that stand everywhere.
    """

    def __init__(
        self, *args: Any, package: str, sections: Mapping[str, Mapping[str, str]], shown: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.params += everywhere(shown=shown)
        self.package = package
        self.sections = sections

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the sections."""
        return [name for commands in self.sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command; None if there is none of this name."""
        if cmd_name not in self.list_commands(ctx):
            return None
        command = import_module(f"{self.package}.{cmd_name}").command
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.package}.{cmd_name}.command is not a command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The summaries, without importing what they summarize."""
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl(list(commands.items()))
