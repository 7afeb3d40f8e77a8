"""Completion of names in the shell: asks a control plane, briefly, and keeps quiet about failures."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import click

from waypoint_controlplane.cli.verb import Invocation

_PATIENCE = 1.0


def _completer(names: Callable[[Any, Any], list[str]]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        try:
            invocation = ctx.ensure_object(Invocation)
            invocation.timeout = min(invocation.timeout, _PATIENCE)
            connection = import_module("waypoint_controlplane.cli.connection")
            with connection.connect(invocation) as plane:
                return [name for name in names(plane, connection.pb) if name.startswith(incomplete)]
        except Exception:  # noqa: BLE001 - whatever it is, a prompt is no place to say it
            return []

    return complete


hosts = _completer(lambda plane, pb: [host.name for host in plane.hosts.list(pb.ListHostsRequest()).hosts])
instances = _completer(
    lambda plane, pb: [instance.id for instance in plane.instances.list(pb.ListInstancesRequest()).instances]
)
host_argument = click.argument("host", shell_complete=hosts)
host_option = click.option("--host", metavar="HOST", default="", shell_complete=hosts, help="only of this host")
