"""waypointctl config show."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from waypoint_controlplane.cli.config.sources import Effective, effective
from waypoint_controlplane.cli.output import Column, document, table
from waypoint_controlplane.cli.verb import Invocation, Verb

_COLUMNS = (
    Column("SETTING", lambda row: row.path),
    Column("VALUE", lambda row: json.dumps(_jsonable(row.value), ensure_ascii=False)),
    Column("SOURCE", lambda row: row.source),
)


@click.command("show", cls=Verb, examples="waypointctl config show\nwaypointctl config show --changed")
@click.option("--changed", is_flag=True, help="only those that are not at their defaults")
@click.pass_obj
def command(invocation: Invocation, changed: bool) -> None:
    """The effective settings, and where each comes from.

    Those of all daemons of this machine, as a flag, a variable or the file says, or by default. Passwords stand in
    files of their own; only the files' names are shown.
    """
    rows = list(effective(invocation.settings, invocation.file, invocation.flags, os.environ))
    shown = [row for row in rows if not changed or row.source != "default"]
    if invocation.plain:
        click.echo(table(shown, _COLUMNS))
    else:
        document(invocation, {"items": [_object(row) for row in shown]})


def _object(row: Effective) -> dict[str, Any]:
    return {"setting": row.path, "value": _jsonable(row.value), "source": row.source}


def _jsonable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
