"""Connecting to another daemon's local socket, however long that takes."""

from __future__ import annotations

import asyncio
import logging
import random

_PAUSE = (0.02, 1.0)


async def connect(path: str, who: str, log: logging.Logger) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to path, once somebody accepts; the log hears once that nobody does."""
    pause, longest = _PAUSE
    told = False
    while True:
        try:
            return await asyncio.open_unix_connection(path)
        except OSError as error:
            if not told:
                log.warning("cannot reach %s at %s: %s", who, path, error)
            told = True
        await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        pause = min(longest, pause * 2)
