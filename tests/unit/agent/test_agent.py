"""The whole agent on a fake systemd, a fake registry and browsers that answer when they are told to."""

import asyncio
import dataclasses
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from unit.agent.parts import A, B, Listener
from waypoint_agent.daemon import Agent
from waypoint_agent.fake import FakeManager
from waypoint_agent.health import Answer
from waypoint_agent.launch import environment
from waypoint_agent.units import Active, UnitState
from waypoint_core.errors import UnitError
from waypoint_core.hold import EndCause
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.registry import Absent, Put, Unchanged, Written
from waypoint_core.service import Supervisor
from waypoint_core.settings import AgentSettings, HostSettings, Settings

KEYS = Keys()
HOST = KEYS.desired_host("h")


class Systemd(FakeManager):
    """Also tells what it refused."""

    def __init__(self, running: Iterable[UnitState] = ()) -> None:
        super().__init__(running)
        self.refused: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    def _check(self, verb: str, slot: int) -> None:
        try:
            super()._check(verb, slot)
        except UnitError:
            self.refused.put_nowait((verb, slot))
            raise


class Running:
    """An agent under test."""

    def __init__(self, folder: Path) -> None:
        (folder / "slots").mkdir()
        self.folder = folder
        self.registry = MemoryRegistry()
        self.systemd = Systemd()
        self.hung: set[int] = set()
        self.settings = AgentSettings(
            slots=2, probe_interval=0.05, probe_timeout=0.01, claim_timeout=0.05, backoff_max=0.01
        )
        self.asked = asyncio.Event()
        self.refused = asyncio.Event()
        self.metrics = CollectorRegistry()
        self.agent: Agent

    async def start(self, group: asyncio.TaskGroup) -> asyncio.Task[None]:
        self.agent = Agent(
            Settings(agent=self.settings, host=HostSettings(name="h", hold_socket=str(self.folder / "hold.sock"))),
            self.registry,
            self.systemd,
            slots=self.folder / "slots",
            state=self.folder,
            metrics=self.metrics,
            probe=self.probe,
        )
        return group.create_task(self._run())

    async def _run(self) -> None:
        supervisor = Supervisor()
        try:
            await self.agent.run(supervisor, {})
        finally:
            supervisor.stopping()

    async def probe(self, port: int, timeout: float) -> Answer:
        slot = port - self.settings.browser_port
        self.asked.set()
        if slot in self.hung:
            self.refused.set()
            raise UnitError(f"cannot probe port {port}: no answer within {timeout:g} s")
        return Answer(f"ws://127.0.0.1:{port}/devtools/browser/x", "Chrome/1")

    def use(self, instance: str) -> None:
        """A session that is over."""
        holder = Listener()
        self.agent.pool.hold(instance, "s", holder)
        self.agent.pool.release(instance, "client left", holder)

    async def until(self, there: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The host's instances in the registry, by id, once they are as described."""
        async with asyncio.timeout(60), self.registry.watch(KEYS.prefix) as events:
            async for _ in events:
                listing = await self.registry.list(KEYS.host_instances("h"))
                found = {entry.key.rpartition("/")[2]: json.loads(entry.value) for entry in listing.entries}
                if there(found):
                    return found
        raise AssertionError

    async def until_gone(self, key: str) -> None:
        async with asyncio.timeout(60), self.registry.watch(key) as events:
            async for _ in events:
                if await self.registry.get(key) is None:
                    return

    async def ready(self, count: int = 2, without: str = "") -> list[str]:
        """The ids of so many ready instances, none of which is the one named."""
        found = await self.until(
            lambda found: (
                len(found) == count and without not in found and all(it["state"] == "ready" for it in found.values())
            )
        )
        return sorted(found)


@pytest.fixture(autouse=True)
def above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The systemd above, which hears that the agent is ready."""
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        yield receiver


@pytest.fixture
async def there(tmp_path: Path) -> AsyncIterator[Running]:
    running = Running(tmp_path)
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        yield running
        task.cancel()


async def test_it_fills_its_slots_and_says_so(there: Running, above: socket.socket) -> None:
    found = await there.until(lambda found: len(found) == 2)
    assert found[f"h_0_{1:032x}"] == {
        "type": "chrome_browser",
        "state": "ready",
        "slot": 0,
        "generation": 1,
        "invocation": f"{1:032x}",
        "endpoints": {"cdp": "ws://127.0.0.1:20000/devtools/browser/x"},
        "since": 1.0,
    }
    alive = await there.registry.get(KEYS.host_alive("h"))
    assert alive
    said = json.loads(alive.value)
    assert (said["slots"], said["versions"]["browser"], said["versions"]["systemd"]) == (2, "Chrome/1", "fake")
    async with asyncio.timeout(60):
        assert await asyncio.get_running_loop().sock_recv(above, 100) == b"READY=1\nSTATUS=2 slots"
    assert 'WAYPOINT_DEVTOOLS_PORT="20001"' in (there.folder / "slots/1.env").read_text()


async def test_what_is_released_is_replaced(there: Running) -> None:
    [first, second] = await there.ready()
    holder = Listener()
    await there.registry.put(KEYS.claim(first), b"{}")
    there.agent.pool.hold(first, "s", holder)
    there.agent.pool.release(first, "client left", holder)
    after = await there.ready(without=first)
    assert second in after
    assert await there.registry.get(KEYS.claim(first)) is None
    assert holder.heard == []


async def test_it_is_replaced_also_while_the_registry_is_away(there: Running) -> None:
    [first, _] = await there.ready()
    there.registry.available = False
    holder = Listener()
    there.agent.pool.hold(first, "s", holder)
    there.agent.pool.drop(holder)
    while await there.systemd.done.get() != ("restart", 0):
        pass
    there.registry.available = True
    await there.ready(without=first)


async def test_a_crashed_browser_is_replaced(there: Running) -> None:
    [first, _] = await there.ready()
    holder = Listener()
    there.agent.pool.hold(first, "s", holder)
    there.systemd.crash(0)
    assert holder.heard == [(first, EndCause.CRASHED, "killed by signal 9 (SIGKILL)")]
    await there.ready(without=first)


async def test_a_hung_browser_is_replaced_and_its_holder_told(there: Running) -> None:
    [first, _] = await there.ready()
    holder = Listener()
    there.agent.pool.hold(first, "", holder)
    there.hung.add(0)
    await there.until(lambda found: first not in found)
    there.hung.clear()
    await there.ready(without=first)
    assert [cause for _, cause, _ in holder.heard] == [EndCause.HUNG]


async def test_what_a_check_finds_gone_before_systemd_says_why_has_crashed(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.settings = dataclasses.replace(running.settings, probe_timeout=300)
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        [first, _] = await running.ready()
        holder = Listener()
        running.agent.pool.hold(first, "", holder)
        running.hung.add(0)
        await running.refused.wait()
        running.systemd.crash(0)
        running.hung.clear()
        await running.ready(without=first)
        task.cancel()
    assert holder.heard == [(first, EndCause.CRASHED, "killed by signal 9 (SIGKILL)")]


async def test_a_start_that_hangs_is_named_and_keeps_no_other_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in ("executor", "reconcile"):
        monkeypatch.setattr(f"waypoint_agent.{module}.OVERDUE", 0.1)
    running = Running(tmp_path)
    running.settings = dataclasses.replace(running.settings, start_limit=1)
    running.hung.add(0)
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        assert await running.ready(1) == [f"h_1_{2:032x}"]
        while "slot 0: not ready after 0.1 s: cannot probe port 20000: no answer within 0.01 s" not in caplog.messages:
            running.asked.clear()
            await running.asked.wait()
        task.cancel()
    assert running.systemd.calls == [("start", 0), ("start", 1)]


@pytest.mark.parametrize("ends", ["by itself", "with its session"])
async def test_a_slot_that_fails_says_why_and_is_tried_again(there: Running, ends: str) -> None:
    [first, _] = await there.ready()
    there.systemd.refuse.add("start")
    if ends == "by itself":
        there.systemd.crash(0)
    else:
        there.use(first)
    found = await there.until(lambda found: any(it["state"] == "failed" for it in found.values()))
    assert found[first] == {
        "type": "chrome_browser",
        "state": "failed",
        "slot": 0,
        "reason": "cannot start waypoint-browser@0.service: refused",
    }
    there.systemd.refuse.clear()
    await there.ready(without=first)


async def test_a_replacement_that_systemd_refuses_is_asked_for_again(there: Running) -> None:
    [first, _] = await there.ready()
    there.systemd.refuse.add("restart")
    there.use(first)
    await there.until(lambda found: first not in found)
    async with asyncio.timeout(60):
        assert await there.systemd.refused.get() == ("restart", 0)
    assert there.agent.pool.slot(0).failures == 0, "the slot is not to blame"
    there.systemd.refuse.clear()
    await there.ready(without=first)


async def test_a_kill_request_is_carried_out_and_deleted(there: Running) -> None:
    [first, _] = await there.ready()
    await there.registry.put(KEYS.desired_instance("h", first), b'{"reason": "by hand"}')
    await there.ready(without=first)
    await there.until_gone(KEYS.desired_instance("h", first))


async def test_what_names_no_browser_here_is_nobodys_to_delete(tmp_path: Path) -> None:
    running = Running(tmp_path)
    gone, elsewhere = KEYS.desired_instance("h", f"h_0_{A}"), f"h2_0_{A}"
    names = (elsewhere, "h_vm-7", "a%2Fb", "a%252Fb", "\udcff", "%FF")
    others = [f"{below}{name}" for below in (KEYS.desired_instances("h"), KEYS.claims) for name in names]
    for key in (gone, *others):
        await running.registry.put(key, b"broken")
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        await running.until_gone(gone)
        await running.ready()
        task.cancel()
    assert [key for key in others if not await running.registry.get(key)] == []


async def test_a_claim_that_nobody_holds_is_void(there: Running) -> None:
    [first, _] = await there.ready()
    await there.registry.put(KEYS.claim(first), b"broken")
    await there.ready(without=first)
    assert await there.registry.get(KEYS.claim(first)) is None


async def test_the_number_of_slots_is_changed(there: Running) -> None:
    await there.ready(2)
    await there.registry.put(HOST, b'{"slots": 5}')
    await there.ready(5)
    await there.registry.put(HOST, b'{"slots": 1}')
    await there.ready(1)
    for _ in range(5):
        assert (await there.systemd.done.get())[0] == "start"
    assert sorted([await there.systemd.done.get() for _ in range(4)]) == [("stop", slot) for slot in range(1, 5)]


async def test_slots_that_have_no_port_are_not_there(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.settings = dataclasses.replace(running.settings, browser_port=65531)
    await running.registry.put(HOST, b'{"slots": 8}')
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        await running.ready(5)
        alive = await running.registry.get(KEYS.host_alive("h"))
        task.cancel()
    assert alive
    assert json.loads(alive.value)["slots"] == 5


def closed(found: dict[str, Any]) -> bool:
    return bool(found) and all(it.get("open", True) is False for it in found.values())


async def test_a_cordoned_host_keeps_its_browsers_and_shows_them_closed(there: Running) -> None:
    [first, second] = before = await there.ready()
    await there.registry.put(HOST, b'{"cordon": true}')
    found = await there.until(closed)
    assert sorted(found) == before
    assert {it["state"] for it in found.values()} == {"ready"}
    holder = Listener()
    there.agent.pool.hold(first, "s", holder)
    there.agent.pool.release(first, "client left", holder)
    found = await there.until(lambda found: len(found) == 2 and first not in found)
    assert closed(found), "what comes after a session is closed from its first moment"
    await there.registry.delete(HOST)
    found = await there.until(lambda found: len(found) == 2 and not any("open" in it for it in found.values()))
    assert second in found


async def test_who_saw_a_browser_open_cannot_claim_it_once_it_is_closed(there: Running) -> None:
    [first, _] = await there.ready()
    seen = await there.registry.get(KEYS.instance("h", first))
    assert seen
    await there.registry.put(HOST, b'{"cordon": true}')
    await there.until(closed)
    claim = [Absent(KEYS.claim(first)), Unchanged(seen.key, seen.mod_revision)]
    assert not (await there.registry.transact(claim, [Put(KEYS.claim(first), b"{}")])).succeeded


async def test_an_agent_that_starts_on_a_cordoned_host_opens_nothing_meanwhile(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.systemd = Systemd([UnitState(0, Active.ACTIVE, A)])
    running.settings = dataclasses.replace(running.settings, slots=1)
    await running.registry.put(HOST, b'{"cordon": true}')
    written: list[bytes] = []
    async with asyncio.TaskGroup() as group, running.registry.watch(KEYS.host_instances("h")) as events:
        task = await running.start(group)
        await running.until(closed)
        async with asyncio.timeout(60):
            async for event in events:
                if isinstance(event, Written):
                    written.append(event.entry.value)
                    break
        task.cancel()
    assert [json.loads(value)["open"] for value in written] == [False]


async def test_more_slots_than_configured_outlive_the_agent(tmp_path: Path) -> None:
    """It learns of them from the registry only, after it has seen what runs."""
    running = Running(tmp_path)
    running.systemd = Systemd([UnitState(0, Active.ACTIVE, A), UnitState(1, Active.ACTIVE, B)])
    running.settings = dataclasses.replace(running.settings, slots=1)
    for slot in (0, 1):
        said = environment(running.settings, slot, ())
        (tmp_path / f"slots/{slot}.env").write_text(said)
    await running.registry.put(HOST, b'{"slots": 2}')
    running.registry.available = False
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        await running.asked.wait()
        running.registry.available = True
        assert await running.ready() == [f"h_0_{A}", f"h_1_{B}"]
        assert running.systemd.calls == [], "idle, and yet not surplus"
        task.cancel()


async def test_where_its_status_endpoint_answers(there: Running) -> None:
    await there.ready()
    there.agent.keyset.advertise("10.0.0.7:9301")
    async with asyncio.timeout(60), there.registry.watch(KEYS.host_alive("h")) as events:
        async for event in events:
            if isinstance(event, Written) and json.loads(event.entry.value).get("status") == "10.0.0.7:9301":
                return


async def test_its_metrics(there: Running) -> None:
    await there.ready()
    gone = KEYS.claim(f"h_0_{A}")
    await there.registry.put(gone, b"{}")
    await there.until_gone(gone)  # claims are followed
    sample = there.metrics.get_sample_value
    assert sample("waypoint_agent_browsers", {"state": "ready"}) == 2
    assert sample("waypoint_agent_browsers", {"state": "failed"}) == 0
    assert sample("waypoint_agent_slots") == 2
    assert sample("waypoint_agent_start_seconds_count") == 2
    assert sample("waypoint_agent_registry_lost_seconds") == 0
    there.registry.available = False
    assert (sample("waypoint_agent_registry_lost_seconds") or 0) >= 0


async def test_new_flags_replace_idle_browsers_one_by_one(there: Running) -> None:
    before = await there.ready()
    await there.registry.put(HOST, b'{"browser_flags": ["--lang=de"]}')
    await there.until(lambda found: len(found) == 2 and not {*found} & {*before})
    assert "--lang=de" in (there.folder / "slots/0.env").read_text()


@pytest.mark.parametrize("key", [HOST, KEYS.desired_instances("h") + "x", KEYS.desired_instances("h") + "a/b/c"])
async def test_broken_values_disturb_nothing(key: str, there: Running) -> None:
    before = await there.ready()
    for value in (b"", b"\xff", b"{", b'{"slots": "many"}', b"[]"):
        await there.registry.put(key, value)
    assert await there.ready() == before


async def test_a_new_agent_adopts_what_runs_and_leaves_its_session_alone(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.systemd = Systemd([UnitState(0, Active.ACTIVE, A)])
    running.settings = dataclasses.replace(running.settings, slots=1, claim_timeout=60)
    session = f"h_0_{A}"
    await running.registry.put(KEYS.claim(session), b"{}")
    await running.registry.put(KEYS.instance("h", session), b'{"type": "chrome_browser", "state": "ready"}')
    async with asyncio.TaskGroup() as group:
        task = await running.start(group)
        await running.until(lambda found: "endpoints" in found.get(session, {}))
        holder = Listener()
        assert running.agent.pool.hold(session, "s", holder) == ""
        assert (running.systemd.calls, holder.heard) == ([], [])
        assert await running.registry.get(KEYS.claim(session))
        task.cancel()


async def test_a_new_agent_offers_nobody_what_was_given_out_before(tmp_path: Path) -> None:
    """Its session may be over and its keys deleted: the former agent died before it could end it."""
    running = Running(tmp_path)
    running.systemd = Systemd([UnitState(0, Active.ACTIVE, A)])
    running.settings = dataclasses.replace(running.settings, slots=1)
    (tmp_path / "slots/0.given").write_text(A)
    shown: list[str] = []
    async with asyncio.TaskGroup() as group, running.registry.watch(KEYS.host_instances("h")) as events:
        task = await running.start(group)
        async with asyncio.timeout(60):
            async for event in events:
                if isinstance(event, Written):
                    shown.append(event.entry.key.rpartition("/")[2])
                    break
        task.cancel()
    assert shown == [f"h_0_{1:032x}"]
    assert running.systemd.calls == [("restart", 0)]


async def test_nothing_is_done_while_systemd_is_away(there: Running) -> None:
    [first, _] = await there.ready()
    there.systemd.lose()
    done = len(there.systemd.calls)
    holder = Listener()
    there.agent.pool.hold(first, "s", holder)
    there.agent.pool.drop(holder)
    await there.until(lambda found: first not in found)
    assert len(there.systemd.calls) == done
    there.systemd.list()
    await there.ready(without=first)
