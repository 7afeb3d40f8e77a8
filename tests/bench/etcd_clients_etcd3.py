"""Drives the etcd3 package for etcd_clients.py: SCENARIO ENDPOINT..., JSON lines out; it knows one, the first."""

import json
import statistics
import sys
import threading
import time
from typing import Any

import etcd3

PUTS = 1_000
RENEWALS = 200


def tell(what: object) -> None:
    print(json.dumps(what), flush=True)


alive: list[int] = []
"""How many threads there were, each time that one had been started."""
start = threading.Thread.start


def counted(thread: threading.Thread) -> None:
    start(thread)
    alive.append(threading.active_count())


def watch(client: Any) -> None:
    """Tells its events; each line in is answered with how many threads were started so far, and there were at once."""
    threading.Thread.start = counted  # type: ignore[method-assign]
    client.add_watch_prefix_callback("/w/", lambda told: tell("error" if isinstance(told, Exception) else "event"))
    tell("ready")
    for _ in sys.stdin:
        tell([len(alive), max(alive, default=threading.active_count())])


def get(client: Any) -> None:
    """Answers each line with the member that answered a read, or null."""
    for _ in sys.stdin:
        try:
            client.get("/a")
            tell(f"{host}:{port}")
        except Exception:  # noqa: BLE001 - whatever it raises is no answer
            tell(None)


def speed(client: Any) -> None:
    for _ in range(100):
        client.put("/a", b"x")
    times = []
    for _ in range(PUTS):
        began = time.perf_counter()
        client.put("/a", b"x")
        times.append(time.perf_counter() - began)
    threads = [threading.Thread(target=puts, args=(client, number)) for number in range(16)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = 16 * PUTS / 8 / (time.perf_counter() - began)
    leases = [client.lease(60) for _ in range(RENEWALS)]
    began = time.perf_counter()
    for lease in leases:
        lease.refresh()
    renewals = RENEWALS / (time.perf_counter() - began)
    quantiles = statistics.quantiles(times, n=100)
    tell({"p50": quantiles[49] * 1e3, "p99": quantiles[98] * 1e3, "puts": rate, "renewals": renewals})


def puts(client: Any, number: int) -> None:
    for _ in range(PUTS // 8):
        client.put(f"/{number}", b"x")


if __name__ == "__main__":
    scenario, endpoint, *_ = sys.argv[1:]
    host, _, port = endpoint.removeprefix("http://").rpartition(":")
    {"watch": watch, "get": get, "speed": speed}[scenario](etcd3.client(host=host, port=int(port), timeout=3))
