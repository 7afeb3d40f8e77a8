"""What subscribers are told, as transcripts: what happens to the fleet, and the updates that follow."""

import pytest

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.fleet import REPUBLISHED, Fleet
from waypoint_controlplane.serve.updates import Updates
from waypoint_core.codec import encode
from waypoint_core.keys import Keys, host_of
from waypoint_core.model import (
    Binding,
    HostAlive,
    HostState,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
    KnownHost,
)
from waypoint_core.registry import Entry, Removed, Written

KEYS = Keys()
BROWSER = "h_0_" + 32 * "a"
SECOND = "h_1_" + 32 * "b"
ALIVE = KEYS.host_alive("h")


class Scene:
    """A fleet, and what the subscribers of one type are told of it."""

    def __init__(self, kind: InstanceType) -> None:
        self.fleet = Fleet(KEYS)
        self.kind = kind
        self.updates = Updates(self.fleet, kind)
        self.now = 100.0
        self._revision = 0

    def write(self, key: str, record: object) -> list[str]:
        self._revision += 1
        return self._apply(Written(Entry(key, encode(record), self._revision, self._revision)))

    def remove(self, key: str) -> list[str]:
        self._revision += 1
        return self._apply(Removed(key, self._revision))

    def _apply(self, event: Written | Removed) -> list[str]:
        change = self.fleet.apply(event)
        told = self.updates.take(change, self.now) if change else ()
        return [f"{pb.EventType.Name(update.event)} {update.instance}" for update in told]  # type: ignore[arg-type]

    def record(self, name: str, state: InstanceState = InstanceState.READY, **endpoints: str) -> list[str]:
        return self.write(KEYS.instance(host_of(name), name), Instance(self.kind, state, endpoints=endpoints))

    def gone(self, name: str) -> list[str]:
        return self.remove(KEYS.instance(host_of(name), name))

    def kill(self, name: str) -> list[str]:
        return self.write(KEYS.desired_instance(host_of(name), name), KillRequest("why"))

    def alive(self) -> list[str]:
        return self.write(ALIVE, HostAlive("e", "b", 2))

    def bind(self, parent: str, child: str) -> list[str]:
        return self.write(KEYS.binding(parent, child), Binding())


@pytest.fixture
def vllm() -> Scene:
    return Scene(InstanceType.VLLM)


@pytest.fixture
def browsers() -> Scene:
    scene = Scene(InstanceType.CHROME_BROWSER)
    scene.alive()
    return scene


def test_a_life(vllm: Scene) -> None:
    assert vllm.record("a") == ["ADDED a"]
    assert vllm.record("a") == []
    assert vllm.record("a", cdp="a:1") == ["SERVICE_ADDED a"]
    assert vllm.record("a", cdp="a:2") == []
    assert vllm.record("a", cdp="a:2", tzafonwright="a:3") == ["SERVICE_ADDED a"]
    assert vllm.kill("a") == ["REMOVED a"]
    assert vllm.kill("a") == []
    assert vllm.gone("a") == []
    assert vllm.remove(KEYS.desired_instance("_", "a")) == []
    assert vllm.record("a", cdp="a:1") == ["ADDED a", "SERVICE_ADDED a"]
    assert vllm.gone("a") == ["REMOVED a"]


def test_what_lives_at_the_start_is_known() -> None:
    scene = Scene(InstanceType.VLLM)
    scene.record("a")
    scene.record("b")
    scene.kill("b")
    scene.updates = Updates(scene.fleet, InstanceType.VLLM)
    assert scene.record("a") == []
    assert scene.gone("b") == []
    assert scene.gone("a") == ["REMOVED a"]


def test_other_types_are_not_told(vllm: Scene) -> None:
    vllm.write(KEYS.instance("_", "x"), Instance(InstanceType.AGENT, InstanceState.READY))
    vllm.record("a")
    assert vllm.bind("x", "a") == ["PARENT_ADDED a"]
    assert vllm.kill("x") == []


def test_bonds_in_either_order(vllm: Scene) -> None:
    vllm.record("p")
    vllm.record("a")
    assert vllm.bind("p", "a") == ["CHILD_ADDED p", "PARENT_ADDED a"]
    assert vllm.bind("p", "b") == ["CHILD_ADDED p"]
    assert vllm.record("b") == ["ADDED b", "PARENT_ADDED b"]
    assert vllm.bind("q", "c") == []
    assert vllm.record("q") == ["ADDED q", "CHILD_ADDED q"]
    assert vllm.remove(KEYS.binding("p", "a")) == []


def test_a_browser_lives_while_it_is_ready(browsers: Scene) -> None:
    assert browsers.record(BROWSER, InstanceState.STARTING) == []
    assert browsers.record(BROWSER, cdp="ws://b") == ["ADDED " + BROWSER, "SERVICE_ADDED " + BROWSER]
    assert browsers.record(BROWSER, InstanceState.FAILED) == ["REMOVED " + BROWSER]
    assert browsers.gone(BROWSER) == []
    browsers.record(SECOND)
    assert browsers.gone(SECOND) == ["REMOVED " + SECOND]


def test_a_host_returns_with_one_of_two(browsers: Scene) -> None:
    browsers.record(BROWSER)
    browsers.record(SECOND)
    assert [browsers.remove(ALIVE), browsers.gone(BROWSER), browsers.gone(SECOND)] == [[], [], []]
    browsers.now += 1000
    assert browsers.bind("any", "thing") == []
    assert browsers.alive() == []
    browsers.now += REPUBLISHED - 1
    assert browsers.record(BROWSER) == []
    browsers.now += 2
    assert browsers.bind("any", "other") == ["REMOVED " + SECOND]
    browsers.now += 1000
    assert browsers.bind("any", "third") == []
    assert browsers.gone(BROWSER) == ["REMOVED " + BROWSER]


def test_a_host_that_is_lost_again_waits_again(browsers: Scene) -> None:
    browsers.record(BROWSER)
    browsers.remove(ALIVE)
    browsers.gone(BROWSER)
    browsers.alive()
    browsers.now += 5
    browsers.remove(ALIVE)
    browsers.now += 100
    assert browsers.alive() == []
    assert browsers.record(BROWSER) == []


def test_a_host_that_is_declared_gone(browsers: Scene) -> None:
    browsers.record(BROWSER)
    browsers.remove(ALIVE)
    browsers.gone(BROWSER)
    assert browsers.write(KEYS.known_host("h"), KnownHost(HostState.SUSPECT, 0.0)) == []
    assert browsers.write(KEYS.known_host("h"), KnownHost(HostState.GONE, 0.0)) == ["REMOVED " + BROWSER]


def test_a_host_that_returns_after_it_was_declared_gone(browsers: Scene) -> None:
    browsers.record(BROWSER)
    browsers.remove(ALIVE)
    browsers.gone(BROWSER)
    browsers.write(KEYS.known_host("h"), KnownHost(HostState.GONE, 0.0))
    assert [browsers.alive(), browsers.record(BROWSER), browsers.record(SECOND)] == [[], [], []]
    told = browsers.write(KEYS.known_host("h"), KnownHost(HostState.READY, 0.0))
    assert told == ["ADDED " + BROWSER, "ADDED " + SECOND]
    assert browsers.gone(BROWSER) == ["REMOVED " + BROWSER]


def test_killed_while_its_host_is_lost(browsers: Scene) -> None:
    browsers.record(BROWSER)
    browsers.remove(ALIVE)
    assert browsers.kill(BROWSER) == ["REMOVED " + BROWSER]
    assert browsers.gone(BROWSER) == []
    assert browsers.write(KEYS.known_host("h"), KnownHost(HostState.GONE, 0.0)) == []
