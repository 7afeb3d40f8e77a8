"""What the client tells about itself while it works, for who measures it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from waypoint_core.errors import LeaseLost, RegistryError, RegistryUnavailable


class Observer(Protocol):
    """Is told what happens; must not fail nor block."""

    def called(self, method: str, outcome: str, seconds: float) -> None:
        """A call ended, with all its repetitions; outcome is ok, unavailable, refused or lease_lost."""

    def retried(self, method: str) -> None:
        """A call is tried again."""

    def resumed(self) -> None:
        """A watch goes on after an interruption."""

    def delivered(self, events: int) -> None:
        """A watch hands out changes."""

    def lost_lease(self) -> None:
        """A lease that was kept alive is gone."""


class Silent:
    """The Observer of who does not measure."""

    def called(self, method: str, outcome: str, seconds: float) -> None:
        """Nothing."""

    def retried(self, method: str) -> None:
        """Nothing."""

    def resumed(self) -> None:
        """Nothing."""

    def delivered(self, events: int) -> None:
        """Nothing."""

    def lost_lease(self) -> None:
        """Nothing."""


@contextmanager
def timed(observer: Observer, method: str) -> Iterator[None]:
    """Tell of the call in the body, unless it is cancelled."""
    begun = time.monotonic()
    try:
        yield
    except RegistryError as error:
        observer.called(method, _outcome(error), time.monotonic() - begun)
        raise
    observer.called(method, "ok", time.monotonic() - begun)


def _outcome(error: RegistryError) -> str:
    match error:
        case RegistryUnavailable():
            return "unavailable"
        case LeaseLost():
            return "lease_lost"
        case _:
            return "refused"
