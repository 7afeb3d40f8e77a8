"""What the agent itself costs on a host with many browsers: python tests/bench/agent.py.

A hundred stand-ins that answer as browsers do, so that the machine is the agent's. The reference is the same agent
with a single one.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.beside import heading, row
from functional.agent.fixtures import RunningAgent
from system.news import eventually
from waypoint_core.hold import Release
from waypoint_lab import Host, cgroups

MANY = 100
TICKS = 4
RECYCLES = 40
READY = 180.0
STAND_IN = """#!/usr/bin/python3 -IS
import os, socket
port = int(os.environ["WAYPOINT_DEVTOOLS_PORT"])
body = b'{"Browser": "Stand-in/1", "webSocketDebuggerUrl": "ws://127.0.0.1:%d/devtools/browser/x"}' % port
listener = socket.create_server(("127.0.0.1", port))
while True:
    with listener.accept()[0] as client:
        client.recv(4096)
        client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(body), body))
"""
DROP_IN = "[Service]\nExecStart=\nExecStart=/usr/local/bin/stand-in\n"


async def main() -> None:
    with Host.boot("bench-agent", slots=0) as host:
        host.run("systemctl", "stop", "waypoint-proxy.socket", "waypoint-proxy.service")
        for file, text in (
            ("/usr/local/bin/stand-in", STAND_IN),
            ("/run/systemd/system/waypoint-browser@.service.d/bench.conf", DROP_IN),
        ):
            host.run("install", "-D", "-m", "755", "/dev/stdin", file, input=text)
        host.run("systemctl", "daemon-reload")
        agent = RunningAgent(host)
        one, many = [await cost(agent, slots) for slots in (1, MANY)]
    heading()
    for what, unit, ours, reference in zip(
        ("idle, of one core", "memory", "CPU time a recycle"), ("%", "MB", "ms"), many, one, strict=True
    ):
        row(f"agent of {MANY} browsers: {what}", ours, reference, unit)
    print("  (aims: at most 1 % and 60 MB)")


async def cost(agent: RunningAgent, slots: int) -> tuple[float, float, float]:
    """Percent of a core while nothing happens, megabytes, and milliseconds of CPU time a recycle."""
    agent.host.run("waypointctl", "scale", agent.host.name, str(slots))
    await eventually(lambda: len(agent.instances()) == slots, READY)
    process = the_agent(agent.host)
    began, before = time.perf_counter(), cpu_seconds(process)
    await asyncio.to_thread(quiet, agent.host)
    idle = (cpu_seconds(process) - before) / (time.perf_counter() - began) * 100
    before = cpu_seconds(process)
    for number in range(RECYCLES):
        slot = number % slots
        async with agent.session(slot) as (gateway, instance):
            gateway.say(Release(instance, "bench"))
            await agent.replaced(slot, instance)
    recycle = (cpu_seconds(process) - before) / RECYCLES * 1000
    return idle, process.memory_info().rss / 1e6, recycle


def quiet(host: Host) -> None:
    """Lets so many ticks of the control plane pass, 5 s each."""
    watch = host.command("etcdctl", "watch", "/waypoint/v1/cp/tick")
    with subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        seen = 0
        while seen < TICKS:
            seen += watching.stdout.readline() == "PUT\n"
        watching.kill()


def the_agent(host: Host) -> psutil.Process:
    pids = [pid for pid, folder in cgroups.processes(host.name).items() if folder.name == "waypoint-agent.service"]
    return psutil.Process(min(pids))


def cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    asyncio.run(main())
