"""The table, event by event."""

from dataclasses import replace

import pytest

from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import (
    Claim,
    ClaimKind,
    DesiredHost,
    HostAlive,
    Instance,
    InstanceState,
    InstanceType,
    ProxyAlive,
)
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
    table = Table(KEYS, "here", "p")
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
    table = Table(KEYS, "here", "p", lambda: next(times))
    assert table.outage == Outage(1.0, "not read yet")
    table.apply(Synced(5))
    assert table.outage is None
    table.apply(Stale("gone"))
    table.apply(Rewound("restored"))
    assert table.outage == Outage(2.0, "restored")
    table.apply(Synced(6))
    assert table.outage is None


def test_fair_share_is_among_the_proxies_of_this_host() -> None:
    table = Table(KEYS, "here", "p")
    for event in [alive(), *(instance(f"i{n}") for n in range(5)), proxy("p1"), proxy("p2"), proxy("p3", "there")]:
        table.apply(event)
    assert table.fair_share(0) == 3
    assert table.fair_share(2) == 4
    table.apply(Removed(KEYS.proxy("p2"), 2))
    assert table.fair_share(0) == 5


FAILED = Instance(InstanceType.CHROME_BROWSER, InstanceState.FAILED, 1, reason="crashed: exited with status 126")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "4 browsers: 4 starting"),
        ([instance("a"), claim("a")], "4 browsers: 1 in use, 3 starting"),
        ([instance("a")], "4 browsers: 1 not to be had, 3 starting"),
        (
            [instance("a"), claim("a"), instance("b", FAILED), instance("c", replace(FAILED, slot=2))],
            "4 browsers: 1 in use, 1 starting, 2 failing (crashed: exited with status 126)",
        ),
        ([instance("b", FAILED), Removed(KEYS.instance("here", "b"), 2)], "4 browsers: 4 starting"),
        ([instance("b", FAILED), instance("b")], "4 browsers: 1 not to be had, 3 starting"),
        ([instance("b", FAILED, host="there"), instance("c", host="there")], "4 browsers: 4 starting"),
        ([event for name in "abcd" for event in (instance(name), claim(name))], "all browsers are in use"),
        ([event for name in "abcde" for event in (instance(name), claim(name))], "all browsers are in use"),
    ],
)
def test_why_there_is_none(events: list[WatchEvent], expected: str) -> None:
    table = Table(KEYS, "here", "p")
    for event in [alive(), *events]:
        table.apply(event)
    assert table.shortage() == expected


def test_choice_is_spread_over_the_best_few() -> None:
    table = Table(KEYS, "here", "p")
    for event in [alive(), *(instance(f"i{n:02}") for n in range(40))]:
        table.apply(event)
    chosen = {found.instance for _ in range(1000) if (found := table.choose())}
    assert chosen == {f"i{n:02}" for n in range(16)}
    assert table.choose(lambda candidate: candidate.instance == "i39")
    assert table.choose(lambda _: False) is None


def cordon(reason: str = "why") -> Written:
    return written(KEYS.desired_host("here"), encode(DesiredHost(cordon=True, reason=reason)))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([cordon()], "why"),
        ([cordon(""), alive()], "no reason given"),
        ([cordon(), Removed(KEYS.desired_host("here"), 2)], None),
        ([cordon(), written(KEYS.desired_host("here"), b"{")], "why"),  # who cordoned it has not taken it back
        ([cordon(), Rewound("restored"), Removed(KEYS.desired_host("here"), 2), Synced(3)], "why"),
        ([written(KEYS.desired_host("elsewhere"), encode(DesiredHost(cordon=True)))], None),
    ],
)
def test_cordon(events: list[WatchEvent], expected: str | None) -> None:
    table = Table(KEYS, "here", "p")
    for event in [alive(), instance("a"), *events]:
        table.apply(event)
    assert table.cordon == expected
    assert [found.instance for found in table.candidates()] == (["a"] if expected is None else [])
    assert table.fair_share(1) == (2 if expected is None else 0)


def test_closed_browser_is_no_candidate() -> None:
    assert offered(alive(), instance("a", replace(READY, open=False)), instance("b")) == ["b"]


def assigned(name: str, proxy: str = "p", kind: ClaimKind = ClaimKind.DIRECT) -> Written:
    return written(KEYS.claim(name), encode(Claim(proxy=proxy, request="r", kind=kind)), 7)


def test_assignments() -> None:
    table = Table(KEYS, "here", "p")
    for event in [assigned("a"), assigned("b", "other"), assigned("c", kind=ClaimKind.CDP), assigned("d")]:
        table.apply(event)
    assert {name: found.mod_revision for name, found in table.assigned.items()} == {"a": 7, "d": 7}
    table.apply(Removed(KEYS.claim("a"), 8))
    table.apply(Rewound("restored"))
    table.apply(Removed(KEYS.claim("d"), 9))
    assert table.withdrawn == ["a"]
    assert table.assigned == {}


def test_a_browser_that_its_agent_closes_is_closed_whoever_has_claimed_it() -> None:
    table = Table(KEYS, "here", "p")
    for event in (alive(), instance("a"), claim("a")):
        table.apply(event)
    assert not table.is_closed("a")
    table.apply(instance("a", replace(READY, open=False)))
    assert table.is_closed("a")
    table.apply(Removed(KEYS.instance("here", "a"), 9))
    assert not table.is_closed("a")


def test_own_claims_are_known_by_their_requests() -> None:
    table = Table(KEYS, "here", "p")
    for event in (claim("a"), assigned("b", "other")):
        table.apply(event)
    assert [table.request(name) for name in "abc"] == ["r", "", ""]
    table.apply(Removed(KEYS.claim("a"), 8))
    assert table.request("a") == ""
    table.apply(claim("a"))
    table.apply(written(KEYS.claim("a"), b"{"))
    assert table.request("a") == ""


def test_host_is_complete_while_each_slot_has_a_browser() -> None:
    table = Table(KEYS, "here", "p")
    for event in [*(instance(name) for name in "abcd"), claim("b"), instance("e", host="there")]:
        table.apply(event)
    assert not table.complete
    table.apply(alive())
    assert table.complete
    table.apply(Removed(KEYS.instance("here", "a"), 2))
    assert not table.complete
    table.apply(instance("a", replace(FAILED, slot=0)))
    assert not table.complete


def test_host_revision_tells_one_life_of_its_key_from_the_next() -> None:
    table = Table(KEYS, "here", "p")
    assert table.host_revision == 0
    table.apply(written(KEYS.host_alive("here"), encode(HostAlive(epoch="1", boot_id="b", slots=4)), 7))
    assert table.host_revision == 7
    table.apply(Removed(KEYS.host_alive("here"), 8))
    assert table.host_revision == 0
