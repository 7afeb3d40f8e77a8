"""waypointctl completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from waypoint_controlplane.cli.verb import Verb

_EXAMPLES = """
    waypointctl completion bash > /etc/bash_completion.d/waypointctl
    waypointctl completion zsh > "${fpath[1]}/_waypointctl"
    waypointctl completion fish > ~/.config/fish/completions/waypointctl.fish
"""


@click.command("completion", cls=Verb, examples=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    It completes commands and options, and asks a control plane for names of hosts and instances.
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click cannot complete in {shell}")
    click.echo(kind(ctx.find_root().command, {}, "waypointctl", "_WAYPOINTCTL_COMPLETE").source())
