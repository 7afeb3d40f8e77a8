"""waypointctl config check."""

from __future__ import annotations

from pathlib import Path

import click

from waypoint_controlplane.cli.failures import Failure
from waypoint_controlplane.cli.output import document
from waypoint_controlplane.cli.verb import Invocation, Verb
from waypoint_core.config import DEFAULT_FILE, load
from waypoint_core.errors import ConfigError


@click.command("check", cls=Verb, examples="waypointctl config check\nwaypointctl config check new.toml")
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT_FILE)
@click.pass_obj
def command(invocation: Invocation, file: Path) -> None:
    """Whether a settings file is right.

    Every setting in it must exist, and have a value of its kind; neither flags nor variables count.
    """
    try:
        load(file, environment={})
    except ConfigError as error:
        raise Failure(str(error)) from error
    if invocation.plain:
        click.echo(f"{file} is right")
    else:
        document(invocation, {"file": str(file), "right": True})
