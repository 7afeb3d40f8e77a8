"""How soon a session's end is acted upon, beside the least that it can take: python tests/bench/endings.py."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.beside import enter_network, heading, percentile, row
from bench.sessions import ETCD, succeeded
from fault.held import held
from functional.browser.launcher import launched
from system.fleet import CLIENT_TIMEOUT, KEYS, SETTINGS, SLOTS, Fleet
from system.news import PATIENCE
from waypoint_core.etcd import EtcdRegistry
from waypoint_lab import Host, cgroups
from waypoint_lab.process import end

SESSIONS = 8
FROZEN = 3


async def main(rounds: int) -> None:
    with Host.boot("bench-endings", slots=SLOTS, network="veth", settings=SETTINGS) as host:
        enter_network(host)
        fleet = Fleet(host)
        await fleet.whole()
        heading()
        await client_is_killed(fleet, rounds)
        await browser_is_killed(fleet, rounds)
        await proxy_is_killed(fleet, max(2, rounds // 4))
        await client_is_frozen(fleet)


async def client_is_killed(fleet: Fleet, rounds: int) -> None:
    """Until no process of its browser is left; the reference kills them itself."""
    ours, floor = [], []
    for _ in range(rounds):
        with held(fleet) as one:
            ours.append(until_gone(one.processes, one.client.kill))
        await fleet.whole()
        with held(fleet) as one:
            floor.append(until_gone(one.processes, partial(end, one.processes)))
        await fleet.whole()
    row("client killed, its browser gone, p50", statistics.median(ours), statistics.median(floor), "ms")
    print(f"  p95 {percentile(ours, 95):.0f} ms (aim: at most 500)")


async def browser_is_killed(fleet: Fleet, rounds: int) -> None:
    """Until its slot has one that is ready; the reference is a bare Chromium from exec until DevTools answers."""
    ours, floor = [], []
    async with EtcdRegistry.connect(ETCD) as registry, registry.watch(KEYS.instances) as events:
        for _ in range(rounds):
            with held(
                fleet
            ) as one:  # whose slot waits for nothing, as one does that loses browsers before their session
                pid = fleet.browsers()[one.instance]
                began = time.perf_counter()
                os.kill(pid, signal.SIGKILL)
                await succeeded(events, one.instance)
                ours.append((time.perf_counter() - began) * 1000)
            await fleet.whole()
            with launched() as bare:
                floor.append(bare.ready * 1000)
    row("browser killed, its slot ready again, p50", statistics.median(ours), statistics.median(floor), "ms")
    print(f"  p95 {percentile(ours, 95):.0f} ms (aim: at most 3000)")


async def proxy_is_killed(fleet: Fleet, rounds: int) -> None:
    """Until no process of its sessions' browsers is left; the reference kills them all itself."""
    ours, floor = [], []
    for _ in range(rounds):
        with ExitStack() as clients:
            ours.append(until_gone(several(fleet, clients), partial(end, [pid_of(fleet, "waypoint-proxy.service")])))
        await fleet.whole()
        with ExitStack() as clients:
            processes = several(fleet, clients)
            floor.append(until_gone(processes, partial(end, processes)))
        await fleet.whole()
    row(f"proxy killed, its {SESSIONS} browsers gone, p50", statistics.median(ours), statistics.median(floor), "ms")
    print(f"  longest {max(ours):.0f} ms (aim: at most 1000)")


async def client_is_frozen(fleet: Fleet) -> None:
    """Until no process of its browser is left; the reference is the time that is configured for it."""
    times = []
    for manner in ("ponging", "silent") * FROZEN:
        with held(fleet, manner) as one:
            times.append(until_gone(one.processes, partial(one.client.send_signal, signal.SIGSTOP)) / 1000)
        await fleet.whole()
    row("client frozen, its browser gone, p50", statistics.median(times), CLIENT_TIMEOUT, "s")
    print(f"  longest {max(times):.2f} s")


def several(fleet: Fleet, clients: ExitStack) -> set[int]:
    """The processes of as many sessions."""
    return set().union(*(clients.enter_context(held(fleet)).processes for _ in range(SESSIONS)))


def pid_of(fleet: Fleet, unit: str) -> int:
    """The machine's pid of a unit's only process."""
    [pid] = [pid for pid, folder in cgroups.processes(fleet.host.name).items() if folder.name == unit]
    return pid


def until_gone(processes: set[int], act: Callable[[], object]) -> float:
    """Milliseconds from the act until all processes have ended."""
    began = time.perf_counter()
    act()
    assert end(processes, 0, PATIENCE), f"some live on after {PATIENCE} s"
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    asyncio.run(main(parser.parse_args().rounds))
