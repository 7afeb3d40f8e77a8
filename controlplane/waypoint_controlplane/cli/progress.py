"""How a drain is reported: a bar on a terminal, else a line a change, or an object a line for programs."""

from __future__ import annotations

import sys

import click

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells
from waypoint_controlplane.cli.failures import Failure
from waypoint_controlplane.cli.output import document, plain
from waypoint_controlplane.cli.verb import Invocation

_WIDTH = 30
_ERASE = "\r\x1b[K"


class Report:
    """One drain's report."""

    def __init__(self, invocation: Invocation, host: str) -> None:
        self._invocation = invocation
        self._host = host
        self._most = 0
        self._last = ""
        self._bar = invocation.plain and sys.stdout.isatty()
        self._open = False
        self.begun = False

    def show(self, progress: pb.DrainProgress) -> None:
        """The latest progress."""
        self.begun = True
        self._most = max(self._most, progress.sessions_left)
        if not self._invocation.plain:
            return document(self._invocation, plain(progress), stream=True)
        line = told(self._host, progress)
        if self._bar:
            click.echo(f"{_ERASE}{bar(progress.sessions_left, self._most)} {line}", nl=False)
            self._open = True
        elif line != self._last:
            click.echo(line)
        self._last = line
        return None

    def done(self) -> None:
        """The host is empty."""
        self.end()
        if self._invocation.plain:
            click.echo(f"host {self._host} is drained; `waypointctl uncordon {self._host}` gives it sessions again")

    def left_alone(self) -> None:
        """Not waited for."""
        self.end()
        click.echo(self._resume(), err=True)

    def interrupted(self) -> None:
        """No longer waited for."""
        self.end()
        click.echo(f"\nno longer watching. {self._resume()}", err=True)

    def lost(self, failure: Failure) -> None:
        """The server went away."""
        self.end()
        click.echo(f"waypointctl: {failure.message}; the drain goes on, looking for another server", err=True)

    def end(self) -> None:
        """Leave the line of the bar."""
        if self._open:
            click.echo()
            self._open = False

    def _resume(self) -> str:
        return (
            f"The drain of {self._host} goes on: `waypointctl drain {self._host}` watches it again, "
            f"`waypointctl uncordon {self._host}` takes it back."
        )


def told(host: str, progress: pb.DrainProgress) -> str:
    """The progress in words."""
    left = progress.sessions_left
    sessions = f"{left} session{'' if left == 1 else 's'} left"
    until = cells.moment(progress, "deadline")
    lost = f"; the host is {cells.host_state(progress)}" if progress.state in _LOST else ""
    return f"host {host}: {sessions}, {f'ended at {until}' if until else 'no deadline'}{lost}"


_LOST = (pb.HOST_STATE_SUSPECT, pb.HOST_STATE_GONE)


def bar(left: int, most: int) -> str:
    """How much is done of what was left at first."""
    full = _WIDTH if not most else round(_WIDTH * (most - left) / most)
    return f"[{'#' * full}{'.' * (_WIDTH - full)}]"
