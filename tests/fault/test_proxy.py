"""The proxy is killed: its sessions end with their browsers, and nobody who connects is refused."""

import asyncio
import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager

from system.cdp import session
from system.fleet import Fleet
from system.news import PATIENCE, eventually
from waypoint_lab.process import end

SESSIONS = 8


class Answers(Counter[str]):
    """How often a knock was answered, refused, cut off; who waits for more of them is told."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def note(self, what: str) -> None:
        with self._more:
            self[what] += 1
            self._more.notify_all()

    def again(self, what: str, within: float) -> bool:
        """Wait until there is one more of it than there was."""
        with self._more:
            before = self[what]
            return self._more.wait_for(lambda: self[what] > before, within)


@contextmanager
def knocking(host: str) -> Iterator[Answers]:
    """Connects and asks all the time that the block takes."""
    seen = Answers()
    over = threading.Event()

    def knock() -> None:
        while not over.is_set():
            client = http.client.HTTPConnection(host, 9222, timeout=30)
            try:
                client.connect()
            except OSError:
                seen.note("refused")
                continue
            try:
                client.request("GET", "/json/version")
                seen.note(str(client.getresponse().status))
            except (OSError, http.client.HTTPException):
                seen.note("cut off")
            finally:
                client.close()

    thread = threading.Thread(target=knock, name="knocking")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


async def test_proxy_is_killed(fleet: Fleet) -> None:
    process = fleet.main_pid("waypoint-proxy")
    async with AsyncExitStack() as live:
        clients = [await live.enter_async_context(session(fleet.ws)) for _ in range(SESSIONS)]
        instances = {fleet.instance_of(await client.pid()) for client in clients}
        assert len(instances) == SESSIONS
        processes = set().union(*map(fleet.processes_of, instances))
        with knocking(fleet.host.address) as seen:
            fleet.host.run("systemctl", "kill", "--signal=SIGKILL", "waypoint-proxy")
            assert await asyncio.to_thread(end, processes, 0, PATIENCE)
            assert not instances & fleet.browsers().keys()
            await eventually(lambda: fleet.main_pid("waypoint-proxy") not in {0, process})
            assert await asyncio.to_thread(seen.again, "200", PATIENCE)
        assert seen.keys() <= {"200", "cut off"}
        assert seen["cut off"] <= 1, "only the one request that the killed proxy was answering"
    async with session(fleet.ws) as client:
        assert await client.pid()
