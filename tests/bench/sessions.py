"""What a session costs, each figure beside its reference in one run: python tests/bench/sessions.py.

The client runs on the host's own network, so that a browser can also be reached without WayPoint. The reference
is a headless shell that was started with the same flags and is held warm.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
from playwright.async_api import Browser, Playwright, async_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.beside import (
    CHROMIUM,
    REFERENCE,
    REFERENCE_UNIT,
    enter_network,
    heading,
    host_cpu_seconds,
    percentile,
    row,
    warm_reference,
)
from system.cdp import session
from system.fleet import KEYS, SLOTS, Fleet
from system.pageserver import serving
from waypoint_core import codec
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.model import Instance, InstanceState
from waypoint_core.registry import Removed, WatchEvent, Written
from waypoint_core.settings import EtcdSettings
from waypoint_lab import Host, cgroups

ETCD = EtcdSettings(endpoints=("http://127.0.0.1:2379",))
EDGE = "http://127.0.0.1:9222"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "env", "HOME=/tmp")
AT_ONCE = 8
# Long enough that a turn's end, when the last browser starts alone, does not weigh; short enough that a shared machine,
# whose own speed moves between two half minutes, is the same for both.
SECONDS = 10.0
ROUNDS = 5


async def main(connects: int, first_expressions: int) -> None:
    with Host.boot("bench-sessions", slots=SLOTS) as host, serving(host.gateway) as site:
        enter_network(host)
        fleet = Fleet(host, guest=f"{REFERENCE_UNIT}.service")
        warm_reference(host)
        await fleet.whole()
        heading()
        await connect_and_version(fleet, connects)
        await first_expression(fleet, first_expressions)
        await sessions_a_second(fleet, site)


async def connect_and_version(fleet: Fleet, rounds: int) -> None:
    """TCP connect, upgrade and Browser.getVersion, in turns; beside it from release to ready, fleet idle else."""
    direct, through, ready = [], [], []
    url = fleet.host.run("curl", "-sf", f"{REFERENCE}/json/version").stdout.split('webSocketDebuggerUrl": "')[1]
    url = url.partition('"')[0]
    async with EtcdRegistry.connect(ETCD) as registry, registry.watch(KEYS.instances) as events:
        for _ in range(rounds):
            for endpoint, times in ((url, direct), (EDGE.replace("http", "ws"), through)):
                began = time.perf_counter()
                async with session(endpoint) as client:
                    await client.call("Browser.getVersion")
                    times.append((time.perf_counter() - began) * 1000)
                    instance = "" if times is direct else fleet.instance_of(await client.pid())
            released = time.perf_counter()
            await succeeded(events, instance)
            ready.append((time.perf_counter() - released) * 1000)
            await fleet.whole()
    ours, reference = statistics.median(through), statistics.median(direct)
    row("connect + Browser.getVersion, p50", ours, reference, "ms")
    row("  the same, p95", percentile(through, 95), percentile(direct, 95), "ms")
    print(f"  difference of the p50s: {ours - reference:.2f} ms (aim: at most 2)")
    print(f"  from release to ready: p50 {statistics.median(ready):.0f} ms, p95 {percentile(ready, 95):.0f} ms")


async def succeeded(events: AsyncIterator[WatchEvent], instance: str) -> None:
    """Returns once the events tell that another browser is ready in the instance's slot."""
    slot = int(instance.split("_")[1])
    async for event in events:
        if isinstance(event, Written):
            life = codec.decode(Instance, event.entry.value, event.entry.key)
            if (life.slot, life.state) == (slot, InstanceState.READY) and not event.entry.key.endswith(instance):
                return


async def first_expression(fleet: Fleet, rounds: int) -> None:
    """connect_over_cdp to a first evaluated expression, in turns."""
    times: dict[str, list[float]] = {EDGE: [], REFERENCE: []}
    async with async_playwright() as playwright:
        for _ in range(rounds):
            for endpoint, taken in times.items():
                began = time.perf_counter()
                browser = await playwright.chromium.connect_over_cdp(endpoint)
                page = await browser.new_page()
                assert await page.evaluate("6 * 7") == 42
                taken.append((time.perf_counter() - began) * 1000)
                await browser.close()
            await fleet.whole()
    row("Playwright, connect to first expression, p50", *map(statistics.median, times.values()), "ms")
    print("  (aim: a ratio of at most 1.05)")


async def sessions_a_second(fleet: Fleet, site: str) -> None:
    """A fresh browser each: ours until the pool is full again, Playwright launching one for each."""
    done: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    async with EtcdRegistry.connect(ETCD) as registry:
        for _ in range(ROUNDS):
            for kind in ("launch", "connect"):
                before, began = cpu_seconds(fleet.host), time.perf_counter()
                argv = (*NOBODY, sys.executable, __file__, "--load", kind, "--site", site)
                done[kind] += int(await output(*argv))
                ready = await filled(registry)
                taken[kind] += time.perf_counter() - began
                if kind == "connect":
                    spent += cpu_seconds(fleet.host) - before
                await fleet.whole()
                assert fleet.browsers().keys() == ready, "the turn was over before its last browser was replaced"
    rates = [done[kind] / taken[kind] for kind in ("connect", "launch")]
    row(f"sessions a second, {AT_ONCE} at once", *rates, "")
    print("  (aim: a ratio of at least 1.3; reference: Playwright launches a headless shell for each)")
    print("  CPU seconds a session:")
    for name, seconds in spent.most_common():
        print(f"    {name:24}{seconds / done['connect']:8.4f}")


async def filled(registry: EtcdRegistry) -> set[str]:
    """The pool's instances, once every slot has one that is ready; to wait costs nearly nothing."""
    ready: set[str] = set()
    async with registry.watch(KEYS.instances) as events:
        async for event in events:
            match event:
                case Written(entry) if codec.decode(Instance, entry.value, entry.key).state is InstanceState.READY:
                    ready.add(entry.key)
                case Written(entry):
                    ready.discard(entry.key)
                case Removed(key):
                    ready.discard(key)
            if len(ready) == SLOTS:
                return {key.rpartition("/")[2] for key in ready}
    raise AssertionError("the watch has ended")


async def output(*argv: str) -> bytes:
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said


def cpu_seconds(host: Host) -> Counter[str]:
    """CPU time so far: of every long-lived process by its unit; what is left of the host's is the browsers'."""
    seconds: Counter[str] = Counter()
    for pid, folder in cgroups.processes(host.name).items():
        if folder.name.endswith((".service", ".scope")) and "waypoint-browser" not in str(folder):
            times = psutil.Process(pid).cpu_times()
            seconds[folder.name] += times.user + times.system
    seconds["browsers"] = host_cpu_seconds(host.name) - sum(seconds.values())
    return seconds


async def load(kind: str, site: str) -> int:
    """Sessions one after another from each of AT_ONCE clients; how many there were."""
    done = 0
    end = time.monotonic() + SECONDS

    async def client(playwright: Playwright) -> None:
        nonlocal done
        while time.monotonic() < end:
            browser = await fresh(playwright, kind)
            page = await browser.new_page()
            await page.goto(f"{site}/form.html")
            assert await page.title() == "Form"
            await browser.close()
            done += 1

    async with async_playwright() as playwright, asyncio.TaskGroup() as clients:
        for _ in range(AT_ONCE):
            clients.create_task(client(playwright))
    return done


async def fresh(playwright: Playwright, kind: str) -> Browser:
    if kind == "connect":
        return await playwright.chromium.connect_over_cdp(EDGE)
    return await playwright.chromium.launch(executable_path=CHROMIUM, chromium_sandbox=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connects", type=int, default=60, help="rounds of connect + Browser.getVersion")
    parser.add_argument("--first-expressions", type=int, default=20, help="rounds of connect to first expression")
    parser.add_argument("--load", choices=("connect", "launch"), help=argparse.SUPPRESS)
    parser.add_argument("--site", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        print(asyncio.run(load(given.load, given.site)))
    else:
        asyncio.run(main(given.connects, given.first_expressions))
