"""Clients as their kernels show them, tick by tick. The timeout is 32 s, so a tick is one second."""

from collections.abc import Callable

import pytest

from waypoint_proxy.liveness import Fill, Gone, Liveness, Ping, Vitals

BURST = 32 * 1024
Story = Callable[[int], Vitals]


def vitals(
    silent: float = 0, unheard: float = 0, acked: int = 0, waiting: int = 0, window: int = 65536, pongs: int = 0
) -> Vitals:
    return Vitals(silent, unheard, acked, waiting, window, pongs)


def live(story: Story, seconds: int = 100) -> tuple[int, str] | None:
    """When and why the client is given up."""
    liveness = Liveness(32.0, 0.0)
    assert liveness.tick == 1.0
    for second in range(1, seconds):
        step = liveness.judge(float(second), story(second))
        if isinstance(step, Gone):
            return second, step.reason
    return None


def sent_to(story: Story, seconds: int, *, pings: bool = True) -> dict[int, Ping | Fill]:
    liveness = Liveness(32.0, 0.0, pings=pings)
    steps = {second: liveness.judge(float(second), story(second)) for second in range(1, seconds)}
    return {second: step for second, step in steps.items() if isinstance(step, Ping | Fill)}


@pytest.mark.parametrize(
    ("name", "story", "end"),
    [
        ("talks", lambda _: vitals(), None),
        ("talks, never pongs, reads slowly", lambda s: vitals(waiting=9, acked=s), None),
        ("talks, but takes nothing", lambda _: vitals(waiting=9), (31, "client does not read")),
        ("silent, pongs", lambda s: vitals(silent=s % 4, pongs=s), None),
        ("silent, has ponged, then froze", lambda s: vitals(silent=s, pongs=1), (31, "client is frozen")),
        ("silent, never pongs, reads", lambda s: vitals(silent=s), None),
        ("silent, never pongs, window stuck", lambda s: vitals(silent=s, waiting=s > 8), (31, "client is frozen")),
        (
            "silent, never pongs, window only shrinks",
            lambda s: vitals(silent=s, window=10**6 - BURST * max(0, s - 9)),
            (31, "client is frozen"),
        ),
        ("silent, window grows at first", lambda s: vitals(silent=s, window=BURST * s), None),
        ("unplugged", lambda s: vitals(silent=s, unheard=s), (31, "client is unreachable")),
        ("unplugged, had ponged", lambda s: vitals(silent=s, unheard=s, pongs=9), (31, "client is unreachable")),
        ("unplugged in the middle of much", lambda s: vitals(unheard=s, waiting=9), (31, "client is unreachable")),
    ],
)
def test_when_a_client_is_given_up(name: str, story: Story, end: tuple[int, str] | None) -> None:
    assert live(story) == end, name


@pytest.mark.parametrize("frozen", range(40, 100))
def test_client_that_froze_late_is_given_up_within_the_timeout(frozen: int) -> None:
    """It has been silent for long, and read; whenever it stops reading, that is noticed."""
    liveness = Liveness(32.0, 0.0)
    unread = 0
    for second in range(1, 200):
        step = liveness.judge(float(second), vitals(silent=second, window=10**6 - unread))
        if isinstance(step, Fill) and second >= frozen:
            unread += step.size
        if isinstance(step, Gone):
            break
    assert step == Gone("client is frozen")
    assert second - frozen <= 32


def test_who_talks_gets_no_ping() -> None:
    assert sent_to(lambda s: vitals(silent=s % 8), 50) == {}


def test_who_is_silent_and_pongs_gets_single_pings() -> None:
    assert sent_to(lambda s: vitals(silent=s % 9, pongs=1), 40) == dict.fromkeys((8, 17, 26, 35), Ping())


def test_who_never_pongs_gets_a_few_bursts_every_half_timeout() -> None:
    pings = dict.fromkeys((8, 16, 24, 32, 40), Ping())
    bursts = dict.fromkeys((12, 13, 14, 28, 29, 30, 44, 45, 46), Fill(BURST))
    assert sent_to(lambda s: vitals(silent=s), 48) == pings | bursts


def test_who_cannot_bear_pings_gets_none() -> None:
    bursts = (8, 9, 10, 24, 25, 26, 40, 41, 42)
    for pongs in (0, 1):
        assert sent_to(lambda s, p=pongs: vitals(silent=s, pongs=p), 48, pings=False) == dict.fromkeys(
            bursts, Fill(BURST)
        )


def test_who_is_slow_to_begin_gets_single_pings_until_it_pongs() -> None:
    assert sent_to(lambda s: vitals(silent=s, pongs=s > 11), 30) == dict.fromkeys((8, 16, 24), Ping())


def test_who_does_not_take_what_is_there_gets_nothing_on_top() -> None:
    assert sent_to(lambda s: vitals(silent=s, waiting=1, acked=s, pongs=0), 28) == {}


def test_a_window_that_grows_although_nobody_reads_does_not_save_the_client() -> None:
    """As a client's kernel behaves that has received much: the window opens for ten bursts before it closes."""
    liveness = Liveness(32.0, 0.0)
    bursts = 0
    for second in range(1, 40):
        window = 400_000 + 4 * BURST * min(bursts, 10) - BURST * max(0, bursts - 10)
        step = liveness.judge(float(second), vitals(silent=second, window=window))
        bursts += isinstance(step, Fill)
        if isinstance(step, Gone):
            break
    assert (second, step) == (31, Gone("client is frozen"))
