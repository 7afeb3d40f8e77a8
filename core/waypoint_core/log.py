"""One line an event, on standard error; under systemd each line carries its priority for the journal."""

from __future__ import annotations

import logging
import os
import sys

_PRIORITY = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}


class _OneLine(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__("%(name)s: %(message)s" if journal else "%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\n", " | ")
        return f"<{_PRIORITY.get(record.levelno, 6)}>{line}" if self._journal else line


def configure(level: str = "info") -> None:
    """Send all logging to standard error from this level up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine(journal="JOURNAL_STREAM" in os.environ))
    # Each call of the registry, twice: what they mean is said by waypoint.etcd.
    logging.getLogger("grpc").setLevel(logging.WARNING)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
