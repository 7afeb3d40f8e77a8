"""waypointctl itself: its global options, its exit codes, the list of all commands."""

from __future__ import annotations

from typing import Any

import click

from waypoint_controlplane.cli.failures import MEANINGS, Exit
from waypoint_controlplane.cli.lazy import LazyGroup
from waypoint_controlplane.cli.verb import Invocation, write_examples

_SECTIONS = {
    "Look": {
        "status": "Who leads, who serves, and whether remediation is frozen",
        "get": "List hosts, instances, sessions or bindings",
        "describe": "Everything about one host or instance",
        "top": "Hosts by load",
        "events": "What happened, and what happens",
        "logs": "The journal of a unit, from its host",
    },
    "Act on hosts and instances": {
        "cordon": "Give no new session to a host",
        "uncordon": "Take back a cordon or a drain",
        "drain": "Empty a host: no new session, and an end to the running ones",
        "kill": "End an instance, its session and its children",
        "scale": "Set how many browsers a host runs",
        "label": "Set and remove a host's labels",
        "flags": "Set the Chromium flags that are added on a host",
    },
    "Act on the fleet": {
        "freeze": "Stop remediation",
        "unfreeze": "Let remediation go on",
    },
    "Use a browser": {
        "connect": "Open a session and print its URL",
        "screenshot": "Take a picture of a page in a session of its own",
    },
    "This machine": {
        "doctor": "Check this machine, and say how to mend what is wrong",
        "config": "Show or check settings",
        "completion": "Print the completion script of a shell",
    },
}

_EXAMPLES = """
    waypointctl status
    waypointctl get hosts -o wide
    waypointctl drain host1 --deadline 10m --reason "new kernel"
    waypointctl --server cp1:50052 --server cp2:50052 top
"""


class _Program(LazyGroup):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise SystemExit(Exit.INTERRUPTED) from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), meaning) for code, meaning in MEANINGS.items()])
        write_examples(_EXAMPLES, formatter)


@click.group(
    cls=_Program,
    package="waypoint_controlplane.cli",
    sections=_SECTIONS,
    shown=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="waypoint", message="%(prog)s %(version)s")
@click.pass_context
def program(ctx: click.Context) -> None:
    """Run a fleet of browsers: look at it, drain its hosts, use its browsers."""
    ctx.ensure_object(Invocation)
