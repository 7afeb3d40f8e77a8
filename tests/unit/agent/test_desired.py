"""What others wrote for this host."""

import logging

import pytest

from unit.agent.parts import Clock
from waypoint_agent.desired import MAX_SLOTS, DesiredWatch, most_slots
from waypoint_core.keys import Keys
from waypoint_core.memory import MemoryRegistry
from waypoint_core.model import DesiredHost, KillRequest
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, Written
from waypoint_core.settings import AgentSettings

KEYS = Keys()
HOST = KEYS.desired_host("h")
BROWSER = f"h_0_{'a' * 32}"
OTHER = f"h_1_{'b' * 32}"
STRANGERS = [
    "",
    "one",
    "a/b/c",
    "\udcff",
    "h_0_%61",
    BROWSER + "\n",
    BROWSER.upper(),
    f"h2_0_{'a' * 32}",
    f"h_\N{ARABIC-INDIC DIGIT THREE}_{'a' * 32}",
]
"""Ends of keys that name no browser of this host."""


def written(key: str, value: bytes) -> Written:
    return Written(Entry(key, value, 1, 1))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> DesiredWatch:
    return DesiredWatch(MemoryRegistry(), KEYS, "h", clock, lambda: None)


def test_the_host(watch: DesiredWatch) -> None:
    assert watch.now.slots(4) == 4
    watch.on_host(written(HOST, b'{"slots": 7, "cordon": true}'))
    assert (watch.now.slots(4), watch.now.host.cordon) == (7, True)
    watch.on_host(Removed(HOST, 2))
    assert watch.now.host == DesiredHost()
    watch.on_host(written(HOST, b'{"slots": 99999999}'))
    assert watch.now.slots(4) == MAX_SLOTS


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (AgentSettings(), MAX_SLOTS),
        (AgentSettings(browser_port=65500), 36),
        (AgentSettings(desktop_port=65500), MAX_SLOTS),
        (AgentSettings(desktop=True), MAX_SLOTS),
        (AgentSettings(desktop_port=65500, desktop=True), 36),
        (AgentSettings(browser_port=65500, desktop_port=65400, desktop=True), 36),
        (AgentSettings(browser_port=20000, desktop_port=20007, desktop=True), 7),
    ],
)
def test_no_more_slots_than_there_are_ports(
    settings: AgentSettings, most: int, watch: DesiredWatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.now.most_slots = most_slots(settings)
    watch.on_host(written(HOST, b'{"slots": %d}' % most))
    assert (watch.now.slots(4), caplog.messages) == (most, [])
    watch.on_host(written(HOST, b'{"slots": %d}' % (most + 1)))
    assert watch.now.slots(4) == most
    reason = "no host has more than 1000, each with ports of its own up to 65535"
    assert caplog.messages == [f"{HOST} wants {most + 1} slots, and the host gets {most}: {reason}"]


def test_nothing_is_known_before_all_is_read(watch: DesiredWatch) -> None:
    watch.on_host(written(HOST, b'{"slots": 7}'))
    assert not watch.now.host_known
    watch.on_host(Synced(1))
    assert watch.now.host_known
    watch.on_host(Stale("outage"))
    assert watch.now.host_known, "what was wanted before the outage is wanted still"


def test_a_host_whose_name_starts_with_ours(watch: DesiredWatch) -> None:
    watch.on_host(written(KEYS.desired_host("h2"), b'{"slots": 7}'))
    watch.on_host(Removed(KEYS.desired_host("h2"), 2))
    assert watch.now.host == DesiredHost()


@pytest.mark.parametrize(
    "broken", [b"", b"\xff", b"[]", b'{"slots": -1}', b'{"cordon": 7}', b'{"browser_flags": ["rm -rf"]}']
)
def test_a_broken_host_stays_as_it_was_wanted_before(
    broken: bytes, watch: DesiredWatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.on_host(written(HOST, b'{"slots": 7}'))
    watch.on_host(written(HOST, broken))
    assert watch.now.slots(4) == 7
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "\n" not in caplog.text.strip()


def test_a_restored_registry_takes_nothing_back(watch: DesiredWatch) -> None:
    watch.on_host(written(HOST, b'{"slots": 7}'))
    for event in (Rewound("restored"), Removed(HOST, 1), Synced(1)):
        watch.on_host(event)
    assert watch.now.slots(4) == 7
    watch.on_host(Removed(HOST, 2))
    assert watch.now.slots(4) == 4


def test_kill_requests(watch: DesiredWatch, caplog: pytest.LogCaptureFixture) -> None:
    watch.on_kill(written(KEYS.desired_instance("h", BROWSER), b'{"reason": "by hand"}'))
    watch.on_kill(written(KEYS.desired_instance("h", OTHER), b'{"reason": ""}'))
    assert watch.now.kills == {BROWSER: KillRequest("by hand"), OTHER: None}
    assert len(caplog.records) == 1
    watch.on_kill(Removed(KEYS.desired_instance("h", BROWSER), 2))
    assert watch.now.kills == {OTHER: None}


@pytest.mark.parametrize("name", STRANGERS)
def test_kill_requests_that_name_no_browser_here_are_ignored(
    name: str, watch: DesiredWatch, caplog: pytest.LogCaptureFixture
) -> None:
    key = KEYS.desired_instances("h") + name
    watch.on_kill(written(key, b'{"reason": "by hand"}'))
    assert watch.now.kills == {}
    assert caplog.messages == [f"{key!r} is ignored: it names no browser of this host"]
    watch.on_kill(Removed(key, 2))


@pytest.mark.parametrize("name", STRANGERS)
def test_claims_that_name_no_browser_here_are_ignored(name: str, watch: DesiredWatch) -> None:
    watch.on_claim(written(KEYS.claims + name, b"{}"))
    assert watch.now.claims == {}
    watch.on_claim(Removed(KEYS.claims + name, 2))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (b'{"reason": "by hand"}', "by hand"),
        (b'{"reason": "by hand", "kind": "killed"}', "by hand"),
        (b'{"reason": "its parent vm-7 is dead", "kind": "parent_dead"}', "parent dead: its parent vm-7 is dead"),
        (b'{"reason": "no heartbeat", "kind": "health_check_failed"}', "health check failed: no heartbeat"),
        (b'{"reason": "an hour is over", "kind": "timeout"}', "timeout: an hour is over"),
        (b'{"reason": "x", "kind": "spite"}', None),
    ],
)
def test_why_an_instance_is_killed(request_: bytes, why: str | None, watch: DesiredWatch) -> None:
    watch.on_kill(written(KEYS.desired_instance("h", BROWSER), request_))
    assert watch.now.reasons() == {BROWSER: why}


def test_how_long_the_registry_is_lost(watch: DesiredWatch, clock: Clock) -> None:
    assert watch.now.lost_at == 1000.0
    watch.on_claim(Synced(1))
    assert watch.now.lost_at is None
    for moment in (2000.0, 2001.0):
        clock.now = moment
        watch.on_claim(Stale("outage"))
    assert watch.now.lost_at == 2000.0
    watch.on_claim(Synced(2))
    watch.on_claim(Rewound("restored"))
    assert watch.now.lost_at == 2001.0


def test_claims(watch: DesiredWatch, clock: Clock) -> None:
    """Whatever its value, a claim counts, from when it was found or the registry came back."""
    assert not watch.now.claims_known
    watch.on_claim(written(KEYS.claim(BROWSER), b"\xffbroken"))
    watch.on_claim(written(KEYS.claim("h_vm-7"), b"another program's"))
    watch.on_claim(Synced(1))
    assert (watch.now.claims, watch.now.claims_known) == ({BROWSER: 1000.0}, True)
    clock.now = 2000.0
    watch.on_claim(Stale("outage"))
    assert (watch.now.claims, watch.now.claims_known) == ({BROWSER: 1000.0}, False)
    watch.on_claim(Synced(2))
    assert (watch.now.claims, watch.now.claims_known) == ({BROWSER: 2000.0}, True)
    watch.on_claim(Removed(KEYS.claim(BROWSER), 3))
    assert watch.now.claims == {}
