"""The table, event by event."""

from dataclasses import replace

import pytest

from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import Claim, HostAlive, Instance, InstanceState, InstanceType, ProxyAlive
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, WatchEvent, Written
from waypoint_proxy.route import Outage, Table

KEYS = Keys()
READY = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY, 0, endpoints={"cdp": "ws://b/1"})


def written(key: str, value: bytes, revision: int = 1) -> Written:
    return Written(Entry(key, value, 1, revision))


def instance(name: str, record: Instance = READY, host: str = "here") -> Written:
    return written(KEYS.instance(host, name), encode(record))


def alive(host: str = "here") -> Written:
    return written(KEYS.host_alive(host), encode(HostAlive(epoch="1", boot_id="b", slots=4)))


def claim(name: str) -> Written:
    return written(KEYS.claim(name), encode(Claim(proxy="p", request="r")))


def proxy(name: str, host: str = "here") -> Written:
    return written(KEYS.proxy(name), encode(ProxyAlive(epoch="1", host=host)))


def offered(*events: WatchEvent) -> list[str]:
    table = Table(KEYS, "here")
    for event in events:
        table.apply(event)
    return [candidate.instance for candidate in table.candidates()]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([alive(), instance("a"), instance("b")], ["a", "b"]),
        ([instance("a")], []),  # nobody vouches for the host
        ([alive(), instance("a"), Removed(KEYS.host_alive("here"), 2)], []),
        ([alive(), instance("a"), claim("a")], []),
        ([alive(), instance("a"), written(KEYS.claim("a"), b"{")], []),  # broken, but a claim
        ([claim("a"), alive(), instance("a")], []),
        ([alive(), instance("a"), claim("a"), Removed(KEYS.claim("a"), 2)], ["a"]),
        ([alive(), instance("a"), Removed(KEYS.instance("here", "a"), 2)], []),
        ([alive(), instance("a"), instance("a", replace(READY, state=InstanceState.CLAIMED))], []),
        ([alive(), instance("a", replace(READY, type=InstanceType.VLLM))], []),
        ([alive(), instance("a", replace(READY, endpoints={}))], []),
        ([alive("there"), instance("a", host="there")], []),  # until there is a gateway
        ([alive(), written(KEYS.instance("here", "a"), b"{broken")], []),
        ([alive(), instance("a"), written(KEYS.instance("here", "a"), b"{broken")], []),
        ([alive(), instance("a"), written(KEYS.host_alive("here"), b"[]")], []),
        ([alive(), written("/waypoint/v1/inst/odd", b"{}"), instance("a")], ["a"]),
        ([alive(), written("/waypoint/v1/cp/tick", b"\xff"), instance("a")], ["a"]),
        ([alive(), instance("a"), Stale("etcd is away")], ["a"]),
    ],
)
def test_what_is_offered(events: list[WatchEvent], expected: list[str]) -> None:
    assert offered(*events) == expected


def test_broken_value_is_one_line_that_names_its_key(caplog: pytest.LogCaptureFixture) -> None:
    offered(written(KEYS.instance("here", "a"), b'{"type": "chrome_browser", "state": "asleep"}'))
    (line,) = caplog.messages
    assert line.startswith("ignored: cannot read /waypoint/v1/inst/here/a as Instance: ")


def test_outage_lasts_from_the_first_sign_to_the_next_sync() -> None:
    times = iter([1.0, 2.0])
    table = Table(KEYS, "here", lambda: next(times))
    assert table.outage == Outage(1.0, "not read yet")
    table.apply(Synced(5))
    assert table.outage is None
    table.apply(Stale("gone"))
    table.apply(Rewound("restored"))
    assert table.outage == Outage(2.0, "restored")
    table.apply(Synced(6))
    assert table.outage is None


def test_fair_share_is_among_the_proxies_of_this_host() -> None:
    table = Table(KEYS, "here")
    for event in [alive(), *(instance(f"i{n}") for n in range(5)), proxy("p1"), proxy("p2"), proxy("p3", "there")]:
        table.apply(event)
    assert table.fair_share(0) == 3
    assert table.fair_share(2) == 4
    table.apply(Removed(KEYS.proxy("p2"), 2))
    assert table.fair_share(0) == 5


def test_choice_is_spread_over_the_best_few() -> None:
    table = Table(KEYS, "here")
    for event in [alive(), *(instance(f"i{n:02}") for n in range(40))]:
        table.apply(event)
    chosen = {found.instance for _ in range(1000) if (found := table.choose())}
    assert chosen == {f"i{n:02}" for n in range(16)}
    assert table.choose(lambda candidate: candidate.instance == "i39")
    assert table.choose(lambda _: False) is None
