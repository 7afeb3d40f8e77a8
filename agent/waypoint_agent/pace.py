"""When a browser that starts is asked whether it is there: Chromium tells nobody. No I/O; times are in seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

_FIRST = (0.05, 0.2)
_EARLY = 0.8
_STEP = 0.12
_LONGEST = 0.25
_REMEMBERED = 4


class Pace:
    """Learns how long starts take on this host now, and asks from just before the next one may be done.

    A start is noticed at most an eighth of its own time late, after a handful of questions, on an idle host and on a
    busy one; in the first starts after the load has fallen up to a tenth of a second late.
    """

    def __init__(self) -> None:
        self._took: deque[float] = deque(maxlen=_REMEMBERED)

    def pauses(self) -> Iterator[float]:
        """The pause before each question, for ever."""
        soonest, latest = _FIRST
        passed = min(max(soonest, _EARLY * min(self._took, default=0.0)), latest)
        yield passed
        while True:
            pause = min(_STEP * passed, _LONGEST)
            passed += pause
            yield pause

    def took(self, seconds: float) -> None:
        """A start took so long."""
        self._took.append(seconds)
