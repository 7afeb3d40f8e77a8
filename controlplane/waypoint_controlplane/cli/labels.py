"""Labels on the command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click


class Label(click.ParamType):  # type: ignore[type-arg] # generic only in newer versions
    """key=value, as a pair."""

    name = "label"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """(key, value); a usage error if it is none."""
        if isinstance(value, tuple):
            return value
        key, separator, content = value.partition("=")
        if not (key and separator):
            self.fail(f"{value!r} is not key=value", param, ctx)
        return key, content


label_option = click.option(
    "--label",
    "labels",
    type=Label(),
    multiple=True,
    metavar="KEY=VALUE",
    help="only with this label; several: with all of them",
)


def changes(given: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """What key=value and key- ask for: labels to set, keys to remove. UsageError for anything else."""
    setting: dict[str, str] = {}
    removing: list[str] = []
    for text in given:
        key, separator, value = text.partition("=")
        if separator and key:
            setting[key] = value
        elif text.endswith("-") and len(text) > 1:
            removing.append(text[:-1])
        else:
            raise click.UsageError(f"{text!r} is neither key=value, which sets a label, nor key-, which removes it")
    if both := setting.keys() & set(removing):
        raise click.UsageError(f"{min(both)!r} is to be set and to be removed")
    return setting, removing
