"""Listeners for Playwright's events. One that raises fails the next action of any session of the driver."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

log = logging.getLogger("tzafonwright.server")


def safe(listener: Callable[..., object]) -> Callable[..., None]:
    """The same, with its mistakes in our log instead."""

    @functools.wraps(listener)
    def listening(*arguments: Any) -> None:
        try:
            listener(*arguments)
        except Exception:
            log.exception("cannot take an event of the browser")

    return listening
