"""What the launcher's flags are worth, against Chromium's defaults: python tests/bench/chromium_flags.py.

Candidates take turns, so that what else runs on the machine disturbs all alike; figures are medians.

ready     ms from exec until DevTools answers
start     CPU ms until the browser is idle, nobody connected
first     ms from Playwright's connect to the first evaluated expression, in a page of a new context
session   CPU ms of the whole life: start, connect, new page, evaluate, close, kill
memory    MB that one more idle browser takes: slope of the proportional memory of many
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

from playwright.sync_api import Playwright, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from functional.browser.launcher import LAUNCHER, Browser, DidNotStart, end, launched

BARE = 'exec "$WAYPOINT_CHROMIUM" --remote-debugging-port=0 --user-data-dir=/tmp/profile $WAYPOINT_BROWSER_FLAGS'
T = TypeVar("T")
FIGURES = ("ready", "start", "first", "session", "memory")
STILL = 0.004
"""A browser that used less CPU than this in SETTLE seconds is idle."""
SETTLE = 0.15


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to start a browser."""

    name: str
    launcher: str = LAUNCHER
    flags: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    warm_up: bool = False


def without(*flags: str) -> str:
    """The launcher, but for these flags."""
    lines = LAUNCHER.splitlines(keepends=True)
    assert all(any(line.split()[:1] == [flag] for line in lines) for flag in flags), "not a flag of the launcher"
    return "".join(line for line in lines if line.split()[:1] not in [[flag] for flag in flags])


GPU = "--in-process-gpu"
NETWORK = "--enable-features=NetworkServiceInProcess2"
ZYGOTE = "--no-unsandboxed-zygote"
ISOLATION = "--site-per-process"
ANGLE = "--disable-angle-features=useVmaForImageSuballocation"
SPARE = "--disable-features=SpareRendererForSitePerProcess"
CANDIDATES = (
    Candidate("Chromium's defaults", BARE),
    Candidate("the launcher"),
    Candidate(f"without {GPU}", without(GPU)),
    Candidate("without NetworkServiceInProcess2", without(NETWORK)),
    Candidate(f"without {ZYGOTE}", without(ZYGOTE)),
    Candidate(f"without {ANGLE}", without(ANGLE)),
    Candidate("without the spare renderer off", without(SPARE)),
    Candidate("without that and --site-per-process", without(ISOLATION, SPARE)),
    Candidate(f"defaults and {GPU}", BARE, GPU),
    Candidate("defaults and NetworkServiceInProcess2", BARE, NETWORK),
    Candidate(f"defaults and {ZYGOTE}", BARE, ZYGOTE),
    Candidate("with --disable-gpu", flags="--disable-gpu"),
    Candidate("with --process-per-site", flags="--process-per-site"),
    Candidate("with --incognito", flags="--incognito"),
    Candidate("with --disable-dev-shm-usage", flags="--disable-dev-shm-usage"),
    Candidate("with the audio service inside", flags=f"{SPARE},AudioServiceOutOfProcess"),
    Candidate("with MALLOC_ARENA_MAX=1", variables={"MALLOC_ARENA_MAX": "1"}),
    Candidate("with a first page, about:blank", flags="about:blank"),
    Candidate("with a warm-up (a page made and closed)", warm_up=True),
)


def main(rounds: int, browsers: int, only: str) -> None:
    chosen = [candidate for candidate in CANDIDATES if candidate is CANDIDATES[0] or only in candidate.name]
    seen: dict[str, dict[str, list[float]]] = {each.name: {figure: [] for figure in FIGURES} for each in chosen}
    with sync_playwright() as playwright:
        for _ in range(rounds):
            for candidate in chosen:
                for figure, value in again(partial(life, candidate, playwright)).items():
                    seen[candidate.name][figure].append(value)
    for candidate in chosen:
        seen[candidate.name]["memory"].append(again(partial(marginal_memory, candidate, browsers)))
    print(f"{'':66}" + "".join(f"{figure:>16}" for figure in FIGURES))
    reference = {figure: median(values) for figure, values in seen[chosen[0].name].items()}
    for name, figures in seen.items():
        cells = (f"{median(figures[each]):9.1f} {median(figures[each]) / reference[each]:5.2f}x" for each in FIGURES)
        print(f"{name:66}" + "".join(cells))


def life(candidate: Candidate, playwright: Playwright) -> dict[str, float]:
    with launched(candidate.launcher, candidate.flags, candidate.variables) as browser:
        if candidate.warm_up:
            use(browser, playwright)
        start = settled(browser)
        before = time.perf_counter()
        after = use(browser, playwright)
        session = end(browser.cgroup)
        figures = {"ready": browser.ready, "start": start, "first": after - before, "session": session}
        return {name: seconds * 1000 for name, seconds in figures.items()}


def use(browser: Browser, playwright: Playwright) -> float:
    """One short session; when its expression had been evaluated."""
    client = playwright.chromium.connect_over_cdp(browser.url)
    context = client.new_context()
    assert context.new_page().evaluate("6 * 7") == 42
    evaluated = time.perf_counter()
    context.close()
    client.close()
    return evaluated


def settled(browser: Browser) -> float:
    """CPU seconds used until the browser went idle. DidNotStart when it ends instead."""
    used, before = browser.cpu(), -1.0
    while used - before > STILL:
        if browser.ended(within=SETTLE):
            raise DidNotStart("it ended before it was idle")
        used, before = browser.cpu(), used
    return used


def marginal_memory(candidate: Candidate, count: int) -> float:
    """The first two are left out of the slope: they pay for what all share."""
    with ExitStack() as stack:
        running: list[Browser] = []
        sums: list[float] = []
        for _ in range(2 + count):
            running.append(stack.enter_context(launched(candidate.launcher, candidate.flags, candidate.variables)))
            settled(running[-1])
            if len(running) in (2, 2 + count):
                sums.append(sum(browser.memory() for browser in running))
        return (sums[1] - sums[0]) / count


def again(measure: Callable[[], T]) -> T:
    """A browser that did not start is said and replaced."""
    try:
        return measure()
    except DidNotStart as error:
        print(f"a browser did not start: {error}", file=sys.stderr)
        return again(measure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--browsers", type=int, default=10, help="idle browsers for the slope of memory")
    parser.add_argument("--only", default="", help="only candidates with this in their name, beside the defaults")
    arguments = parser.parse_args()
    main(arguments.rounds, arguments.browsers, arguments.only)
