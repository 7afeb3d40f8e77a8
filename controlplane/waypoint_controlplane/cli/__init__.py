"""waypointctl: the fleet in an administrator's hands. Everything goes through gRPC, except doctor and config.

    program      the command itself: its global options, its exit codes, the list of all commands
    lazy         a group that imports a command when it is called, so that --help is quick
    verb         what all commands share: options, examples, and what was asked for (`Invocation`)
    failures     how a command fails, and with which exit code
    connection   the first control plane that answers, and calls to it
    reading      a stream, so that Ctrl-C is never lost
    output       tables, JSON and YAML
    ages         spans, ages and sizes as people write them
    names        completion of names in the shell

One module a verb, one package a verb with nouns:
    get/ describe/ config/ doctor/
    top events logs status                           look
    cordon uncordon drain kill scale label flags     act on hosts and instances
    freeze unfreeze                                  act on the fleet
    connect screenshot                               use a browser (`cdp` is the protocol)
    completion
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from waypoint_controlplane.cli.failures import Exit
from waypoint_controlplane.cli.program import program


def main() -> NoReturn:
    """The entry point; exits."""
    # gRPC's core would write on standard error what a Failure says in better words.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        program.main(prog_name="waypointctl")
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else Exit.DONE)


def _leave(code: int) -> NoReturn:
    """Exit at once. Python's own exit stops gRPC's threads wherever they are and then waits for the locks they hold."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or Exit.FAILED
    os._exit(code)
