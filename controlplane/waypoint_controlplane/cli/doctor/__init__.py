"""waypointctl doctor: one check a module; each gathers facts, then judges them in pure functions.

    findings      what a check finds: a level, what was found, how to mend it
    run           programs that checks run, bounded in time
    etcd_http     etcd's members, asked over HTTP

A check is a function `check(invocation)` that yields findings; what it raises is told as the reason why it cannot run.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import click

from waypoint_controlplane.cli.doctor.findings import Finding, Level
from waypoint_controlplane.cli.failures import Exit
from waypoint_controlplane.cli.output import coloured, document
from waypoint_controlplane.cli.verb import Invocation, Verb

CHECKS = (
    "etcd",
    "clock",
    "controlplane",
    "systemd",
    "units",
    "chromium",
    "desktop",
    "sandbox",
    "cgroups",
    "limits",
    "ports",
    "certificates",
    "firewall",
    "room",
)
_EXAMPLES = """
    waypointctl doctor
    waypointctl doctor --only etcd --only certificates
    waypointctl doctor -o json | jq '.items[] | select(.level == "fail")'
"""


@click.command("doctor", cls=Verb, examples=_EXAMPLES)
@click.option(
    "--only", type=click.Choice(CHECKS), multiple=True, metavar="CHECK", help="only this check; may be repeated"
)
@click.pass_obj
def command(invocation: Invocation, only: tuple[str, ...]) -> None:
    """Check this machine, and say how to mend what is wrong.

    Run it as root on a host of the fleet: some checks see less otherwise, and say so. Exit code 1 if a check fails;
    warnings alone do not.
    """
    found: list[tuple[str, Finding]] = []
    for name in only or CHECKS:
        for finding in examine(name, invocation):
            found.append((name, finding))
            if invocation.plain:
                _tell(name, finding)
    if not invocation.plain:
        document(invocation, {"items": [{"check": name, **finding.shown()} for name, finding in found]})
    if any(finding.level is Level.FAIL for _, finding in found):
        raise SystemExit(Exit.FAILED)


def examine(name: str, invocation: Invocation) -> Iterator[Finding]:
    """What one check finds; that it cannot run is a finding as well."""
    check = import_module(f"{__name__}.{name}").check
    try:
        yield from check(invocation)
    except Exception as error:  # noqa: BLE001 - one check that breaks must not hide the others
        yield Finding(Level.SKIPPED, f"cannot check this: {error or type(error).__name__}")


def _tell(name: str, finding: Finding) -> None:
    click.echo(f"{coloured(f'{finding.level:<7}')}  {name:<12}  {finding.found}")
    if finding.mend:
        click.echo(f"{'':<7}  {'':<12}  -> {finding.mend}")
