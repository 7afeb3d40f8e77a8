"""Settings from flags, then WAYPOINT_* environment, then file, then defaults; the first that speaks wins.

Run as a module it prints the documented sample file.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import sys
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec

from waypoint_core import address
from waypoint_core.errors import ConfigError, WaypointError
from waypoint_core.keys import check_host_name
from waypoint_core.settings import Address, AgentSettings, Endpoint, Name, NoneOrAddress, Settings

DEFAULT_FILE = Path("/etc/waypoint/waypoint.toml")

_CHECKS: Mapping[Any, Callable[[str], object]] = {
    Name: check_host_name,
    Address: address.split,
    NoneOrAddress: lambda text: text and address.split(text),
    Endpoint: address.split_endpoint,
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table."""

    section: str
    name: str
    type: Any
    default: Any
    help: str

    @property
    def path(self) -> str:
        """As people write it: section.name."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return f"WAYPOINT_{self.section}_{self.name}".upper()

    @property
    def flag(self) -> str:
        """Its command line flag."""
        return f"--{self.section}-{self.name}".replace("_", "-")

    def convert(self, value: Any, source: str) -> Any:
        """The typed value; text from flags and environment may be a comma-separated list. ConfigError if wrong."""
        try:
            if isinstance(value, str):
                value = self._split(value)
                return self._checked(msgspec.convert(value, self.type, strict=False))
            return self._checked(msgspec.convert(value, self.type))
        except (msgspec.ValidationError, WaypointError) as error:
            wrong = self._wrong() or str(error)
            raise ConfigError(f"cannot use {self.path} = {value!r} from {source}: {wrong}") from error

    @property
    def _is_list(self) -> bool:
        return typing.get_origin(self.type) is tuple

    @property
    def _item(self) -> Any:
        """The type of a list's items, or of the value itself."""
        return typing.get_args(self.type)[0] if self._is_list else self.type

    def _checked(self, value: Any) -> Any:
        if check := _CHECKS.get(self._item):
            for item in value if self._is_list else [value]:
                check(item)
        return value

    def _wrong(self) -> str:
        """What is wrong with a value of a type that is described; empty for others."""
        described = (each.description for each in getattr(self._item, "__metadata__", ()))
        words = next(filter(None, described), "")
        return f"{'one of them' if self._is_list else 'it'} is not {words}" if words else ""

    def _split(self, text: str) -> Any:
        if self._is_list:
            return [part.strip() for part in text.split(",") if part.strip()]
        if typing.get_origin(self.type) is Mapping:
            pairs = (part.partition("=") for part in text.split(",") if part.strip())
            return {key.strip(): value.strip() for key, _, value in pairs}
        return text


def table() -> Iterator[Setting]:
    """All settings, in file order."""
    for section, kind in typing.get_type_hints(Settings).items():
        hints = typing.get_type_hints(kind, include_extras=True)
        defaults = kind()
        for item in dataclasses.fields(kind):
            yield Setting(
                section,
                item.name,
                _plain(hints[item.name]),
                getattr(defaults, item.name),
                item.metadata["help"],
            )


def load(
    file: Path | None = None,
    flags: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """All settings. file None: the default file if there is one. ConfigError names the setting and its source."""
    rows = {row.path: row for row in table()}
    values = {path: row.default for path, row in rows.items()}
    for source, given in (
        *_file_values(file),
        *_environment_values(rows, environment),
        *_flag_values(rows, flags),
    ):
        for path, value in given.items():
            if path not in rows:
                near = difflib.get_close_matches(path, rows, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError(f"cannot use {path} from {source}: there is no such setting{hint}")
            values[path] = rows[path].convert(value, source)
    settings = _assemble(values)
    _check_ports(settings.agent)
    return settings


def daemon_command(name: str, run: Callable[[Settings], None]) -> click.Command:
    """The command of a daemon: a flag for each setting, and --config."""

    def invoke(config: Path | None, **flags: str | None) -> None:
        given = {row.path: value for row in table() if (value := flags[row.path.replace(".", "_")]) is not None}
        try:
            settings = load(config, given)
            _check_own_names(settings, name)
        except ConfigError as error:
            raise click.ClickException(str(error)) from error
        run(settings)

    options: list[click.Parameter] = [
        click.Option(
            [row.flag, row.path.replace(".", "_")],
            help=f"{row.help} [{row.variable}; default {_toml(row.default)}]",
            metavar="VALUE",
        )
        for row in table()
    ]
    file = click.Option(["--config"], type=click.Path(path_type=Path), help=f"settings file; default {DEFAULT_FILE}")
    return click.Command(name, params=[file, *options], callback=invoke, help=f"Run {name}; see man {name}.")


def sample() -> str:
    """The documented sample file: every setting, commented out, with its default."""
    lines = [
        "# WayPoint's settings: every one of them, with its default.",
        "# Flags and WAYPOINT_* variables win over this file.",
    ]
    section = ""
    for row in table():
        if row.section != section:
            section = row.section
            lines += ["", f"[{section}]"]
        shown = '"…"' if row.name == "name" else _toml(row.default)
        lines += [f"# {row.help}", f"# {row.name} = {shown}"]
    return "\n".join(lines) + "\n"


def _plain(kind: Any) -> Any:
    return Mapping[str, str] if typing.get_origin(kind) is Mapping else kind


def _file_values(file: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    path = file or DEFAULT_FILE
    try:
        sections = tomllib.loads(path.read_text())
    except FileNotFoundError:
        if file is not None:
            raise ConfigError(f"cannot read {path}: there is no such file") from None
        return
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}") from error
    for section, content in sections.items():
        if not isinstance(content, dict):
            raise ConfigError(f"cannot use {section} from {path}: settings stand in sections such as [agent]")
        yield str(path), {f"{section}.{name}": value for name, value in content.items()}


def _environment_values(
    rows: Mapping[str, Setting], environment: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, row in rows.items():
        if row.variable in environment:
            yield row.variable, {path: environment[row.variable]}


def _flag_values(rows: Mapping[str, Setting], flags: Mapping[str, str] | None) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, value in (flags or {}).items():
        yield f"flag {rows[path].flag if path in rows else path}", {path: value}


def _assemble(values: Mapping[str, Any]) -> Settings:
    hints = typing.get_type_hints(Settings)
    sections = {
        section: kind(**{item.name: values[f"{section}.{item.name}"] for item in dataclasses.fields(kind)})
        for section, kind in hints.items()
    }
    return Settings(**sections)


def _check_ports(agent: AgentSettings) -> None:
    """ConfigError when the slots' ports go past the last one that there is, or are wanted twice."""
    first = {"agent.browser_port": agent.browser_port}
    if agent.desktop:
        first["agent.desktop_port"] = agent.desktop_port
    for path, port in first.items():
        last = port + agent.slots - 1
        if last > 65535:
            raise ConfigError(
                f"cannot use {path} = {port} with agent.slots = {agent.slots}: the last slot's port would be {last}, "
                "and there is none above 65535; lower one of the two"
            )
    if agent.desktop and abs(agent.browser_port - agent.desktop_port) < agent.slots:
        raise ConfigError(
            f"cannot use agent.browser_port = {agent.browser_port} with agent.desktop_port = {agent.desktop_port}: "
            f"each takes as many ports from there on as agent.slots = {agent.slots}; set them so far apart"
        )


def _check_own_names(settings: Settings, daemon: str) -> None:
    """ConfigError when a daemon would go by its machine's name, and cannot. What others go by is not its affair."""
    for row in table():
        if row.name == "name" and row.section in {"host", daemon.removeprefix("waypoint-")}:
            row.convert(getattr(settings, row.section).name, f"the machine's host name, since {row.path} is not set")


def _toml(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + "}"
    return msgspec.json.encode(value).decode()


if __name__ == "__main__":
    sys.stdout.write(sample())
