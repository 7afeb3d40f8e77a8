"""What tzafonwright costs beside Playwright, in one run: python tests/bench/actions.py.

Both clients run on the host's own network. For single actions the reference is Playwright connected directly to a
browser that was started with the same flags; for many sessions it is Playwright through port 9222 of the same fleet.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
from playwright.async_api import Playwright, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.beside import REFERENCE, REFERENCE_UNIT, enter_network, heading, row, timed, warm_reference
from system.fleet import Fleet
from system.pageserver import serving
from tzafonwright import TzafonWrightClient
from waypoint_lab import Host, cgroups

EDGE = "ws://127.0.0.1:1337"
CDP_EDGE = "http://127.0.0.1:9222"
SLOTS = 54
AT_ONCE = 50
ROUNDS = 3
IDLE = 20
_UNIT = "waypoint-tzafonwright.service"
Act = Callable[[], Awaitable[object]]


async def main(rounds: int, connects: int) -> None:
    with Host.boot("bench-tzafonwright", slots=SLOTS) as host, serving(host.gateway) as site:
        enter_network(host)
        warm_reference(host)
        fleet = Fleet(host, guest=f"{REFERENCE_UNIT}.service", slots=SLOTS)
        await fleet.whole(within=120)
        heading()
        async with async_playwright() as playwright:
            await actions(playwright, f"{site}/form.html", rounds)
            await first_action(playwright, connects)
            await memory(host)
            await fleet.whole()
            await many(playwright, fleet, f"{site}/form.html")


async def actions(playwright: Playwright, url: str, rounds: int) -> None:
    """In turns, each on a page of its own."""
    browser = await playwright.chromium.connect_over_cdp(REFERENCE)
    page = await browser.contexts[0].new_page()
    await page.goto(url)
    async with TzafonWrightClient(EDGE) as tw:
        await tw.goto(url)
        await tw.set_viewport(1280, 720)
        await page.set_viewport_size({"width": 1280, "height": 720})
        beside: dict[str, tuple[Act, Act]] = {
            "evaluate": (lambda: tw.evaluate("6 * 7"), lambda: page.evaluate("6 * 7")),
            "click at a place": (lambda: tw.click(5, 5), lambda: page.mouse.click(5, 5)),
            "click on an element": (lambda: tw.click("h1"), lambda: page.click("h1")),
            "screenshot, png": (tw.screenshot, page.screenshot),
            "screenshot, jpeg": (lambda: tw.screenshot(format="jpeg"), lambda: page.screenshot(type="jpeg")),
        }
        for name, both in beside.items():
            times = [[await timed(act) for act in both] for _ in range(rounds)]
            ours, reference = zip(*times, strict=True)
            row(f"{name}, p50", statistics.median(ours), statistics.median(reference), "ms")
    await browser.close()
    print("  (aims: at most 1.2 for small actions, at most 1.0 for screenshots)")


async def first_action(playwright: Playwright, rounds: int) -> None:
    """Connect to the first expression's value, in turns."""

    async def ours() -> None:
        async with TzafonWrightClient(EDGE) as tw:
            assert await tw.evaluate("6 * 7") == 42

    async def reference() -> None:
        browser = await playwright.chromium.connect_over_cdp(CDP_EDGE)
        page = await browser.contexts[0].new_page()
        assert await page.evaluate("6 * 7") == 42
        await browser.close()

    times = [[await timed(ours), await timed(reference)] for _ in range(rounds)]
    row("connect to first action done, p50", *map(statistics.median, zip(*times, strict=True)), "ms")


async def memory(host: Host) -> None:
    """What a session that does nothing adds to the server and its driver."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(TzafonWrightClient(EDGE))
        before = resident(host)
        for _ in range(IDLE):
            tw = await stack.enter_async_context(TzafonWrightClient(EDGE))
            await tw.evaluate("6 * 7")
        each = (resident(host) - before) / IDLE / 1e6
        print(f"{'memory a session beside its browser':44}{each:9.2f} MB (aim: at most 5)")


def resident(host: Host) -> int:
    """Proportional set size of the server's unit, in bytes."""
    processes = cgroups.processes(host.name).items()
    return sum(psutil.Process(pid).memory_full_info().pss for pid, folder in processes if folder.name == _UNIT)


async def many(playwright: Playwright, fleet: Fleet, url: str) -> None:
    """All at once, in turns: connect, goto, screenshot."""

    async def ours() -> None:
        async with TzafonWrightClient(EDGE, timeout=60, connect_timeout=60) as tw:
            await tw.goto(url)
            assert (await tw.screenshot()).startswith(b"\x89PNG")

    async def reference() -> None:
        browser = await playwright.chromium.connect_over_cdp(CDP_EDGE, timeout=60_000)
        page = await browser.contexts[0].new_page()
        await page.goto(url, timeout=60_000)
        assert (await page.screenshot(timeout=60_000)).startswith(b"\x89PNG")
        await browser.close()

    taken: dict[Act, float] = {ours: 0.0, reference: 0.0}
    for one in tuple(taken) * ROUNDS:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(one())
        taken[one] += (time.perf_counter() - began) / ROUNDS
        await fleet.whole(within=120)
    row(f"{AT_ONCE} sessions at once: goto, screenshot", *taken.values(), "s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="rounds of each action")
    parser.add_argument("--connects", type=int, default=20, help="rounds of connect to first action")
    given = parser.parse_args()
    asyncio.run(main(given.rounds, given.connects))
