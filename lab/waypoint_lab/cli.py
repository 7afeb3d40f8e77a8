"""The lab's commands."""

from __future__ import annotations

import os
from typing import Any

import click

from waypoint_lab import record as records
from waypoint_lab.errors import LabError
from waypoint_lab.host import Host, Network
from waypoint_lab.lifecycle import remove
from waypoint_lab.paths import SCREENSHOT
from waypoint_lab.up import NAME, step
from waypoint_lab.up import up as bring_up

UNITS = ("waypoint*", "etcd.service")


class Lab(click.Group):
    """Shows a LabError as a message."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=Lab, help="Real hosts on this machine, for development and system tests.")
def main() -> None:
    """The group."""


@main.command()
def up() -> None:
    """Boot a host on this machine's network and run a first session."""
    bring_up()


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
def down(names: tuple[str, ...]) -> None:
    """Remove the hosts named; or every file and host of the lab but those of a test run that is going on."""
    for record in records.find_all():
        if not names and record.in_use:
            click.echo(f"  left alone     {record.name}: process {record.owner} is using it")
        elif not names or record.name in names:
            with step("down", record.name):
                remove(record)
    if not names:
        SCREENSHOT.unlink(missing_ok=True)


@main.command()
@click.argument("name")
@click.option("--slots", default=4, show_default=True, help="browsers to keep running")
@click.option("--network", type=click.Choice(["veth", "machine"]), default="veth", show_default=True)
@click.option("--set", "pairs", multiple=True, metavar="SECTION.NAME=VALUE", help="a setting of waypoint.toml")
def boot(name: str, slots: int, network: Network, pairs: tuple[str, ...]) -> None:
    """Boot a host that stays until `down`."""
    settings = {path: value for path, _, value in (pair.partition("=") for pair in pairs)}
    with step("boot", name):
        host = Host.boot(name, slots=slots, network=network, settings=settings, outlive=True)
    click.echo(f"  answers at     {host.address}")


@main.command()
def status() -> None:
    """What runs on each host."""
    found = records.find_all()
    if not found:
        click.echo("no host is up; make up boots one")
    for record in found:
        host = Host.attach(record.name)
        state = host.run("systemctl", "is-system-running", check=False).stdout.strip()
        click.echo(f"{host.name} at {host.address}: {state}")
        click.echo(host.run("systemctl", "list-units", "--plain", "--no-legend", "--all", *UNITS).stdout)


@main.command()
@click.argument("name", default=NAME)
def shell(name: str) -> None:
    """A root shell inside a host."""
    argv = Host.attach(name).command("bash", "--login")
    os.execvp(argv[0], argv)
