"""When a browser that starts is asked."""

from itertools import accumulate, islice

import pytest

from waypoint_agent.pace import Pace


def asked(pace: Pace, ready: float) -> list[float]:
    """When a browser is asked that is ready after so many seconds; the last is the first that it answers."""
    moments: list[float] = []
    for moment in accumulate(pace.pauses()):
        moments.append(moment)
        if moment >= ready:
            break
    return moments


@pytest.mark.parametrize("takes", [0.06, 0.1, 0.3, 1.5])
def test_few_questions_and_little_delay(takes: float) -> None:
    pace = Pace()
    for _ in range(6):
        questions = asked(pace, takes)
        assert takes <= questions[-1] <= takes * 1.13, "noticed soon"
        pace.took(questions[-1])
    assert len(questions) <= (4 if takes <= 0.2 else 20)


def test_the_first_start_is_asked_before_any_browser_can_be_ready() -> None:
    assert next(Pace().pauses()) == 0.05


def test_slow_starts_do_not_make_later_ones_late() -> None:
    pace = Pace()
    for _ in range(9):
        pace.took(20.0)
    late = []
    for _ in range(6):
        noticed = asked(pace, 0.1)[-1]
        late.append(noticed - 0.1)
        pace.took(noticed)
    assert late[0] <= 0.1 + 1e-9
    assert late[-1] <= 0.0125


def test_questions_never_stop_and_keep_coming() -> None:
    pauses = list(islice(Pace().pauses(), 100))
    assert pauses[-1] == 0.25
    assert pauses[1:] == sorted(pauses[1:])
