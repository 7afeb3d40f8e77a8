"""Tables from events: what each key becomes, what broken values do, what the indices say."""

import pytest

from waypoint_controlplane.fleet import Change, Fleet, join
from waypoint_core.codec import encode
from waypoint_core.keys import Keys, browser_id
from waypoint_core.model import (
    Beat,
    Binding,
    Claim,
    DesiredHost,
    Freeze,
    HostAlive,
    HostState,
    HostSummary,
    Instance,
    InstanceState,
    InstanceType,
    KillRequest,
    KnownHost,
    Leader,
    Member,
    ProxyAlive,
    Tick,
)
from waypoint_core.registry import Entry, Removed, Rewound, Stale, Synced, Written

KEYS = Keys("/test/")
B = browser_id("a", 0, "0" * 32)
ALIVE = HostAlive("e", "b", 4)
CHROME = Instance(InstanceType.CHROME_BROWSER, InstanceState.READY)


def written(key: str, record: object, revision: int = 5, lease: int = 0) -> Written:
    value = record if isinstance(record, bytes) else encode(record)
    return Written(Entry(key, value, revision, revision, lease))


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(KEYS, lambda: 1000.0)


@pytest.mark.parametrize(
    ("key", "record", "table", "name"),
    [
        (KEYS.host_alive("a"), ALIVE, "alive", "a"),
        (KEYS.host_summary("a"), HostSummary(0.1, 10, 5), "summaries", "a"),
        (KEYS.instance("a", B), CHROME, "instances", B),
        (KEYS.instance("_", "v/m 1"), CHROME, "instances", "v/m 1"),
        (KEYS.desired_host("a"), DesiredHost(cordon=True), "desired", "a"),
        (KEYS.desired_instance("a", B), KillRequest("r"), "kills", B),
        (KEYS.desired_instance("_", "v/m 1"), KillRequest("r"), "kills", "v/m 1"),
        (KEYS.binding("p/1", B), Binding(1.0), "bindings", join("p/1", B)),
        (KEYS.claim(B), Claim("p", "r"), "claims", B),
        (KEYS.beat("v/m 1"), Beat(), "beats", "v/m 1"),
        (KEYS.proxy("p"), ProxyAlive("e"), "proxies", "p"),
        (KEYS.known_host("a"), KnownHost(HostState.GONE, 1.0), "known", "a"),
        (KEYS.member("m"), Member("e", "a:1", "a:2"), "members", "m"),
        (KEYS.leader, Leader("m", "e"), "control", "leader"),
        (KEYS.freeze, Freeze(frozen=True, by="ann"), "control", "freeze"),
        (KEYS.tick, Tick(1.0, "m"), "control", "tick"),
    ],
)
def test_each_key_has_its_row(fleet: Fleet, key: str, record: object, table: str, name: str) -> None:
    change = fleet.apply(written(key, record, lease=9))
    row = getattr(fleet, table)[name]
    assert (row.record, row.key, row.revision, row.lease) == (record, key, 5, 9)
    assert change == Change(type(record), name, None, row)
    assert fleet.apply(Removed(key, 6)) == Change(type(record), name, row, None)
    assert not getattr(fleet, table)
    assert fleet.apply(Removed(key, 7)) is None


@pytest.mark.parametrize(
    "key",
    [
        "/test/other",
        "/test/inst/b/" + B,
        "/test/cp/what",
        "/test/hosts//alive",
        "/elsewhere/x",
        "/test/inst/_/x\udcff",
        "/test/bindings/p\udcff/c",
    ],
)
def test_a_key_that_the_schema_does_not_have_is_named_and_ignored(
    fleet: Fleet, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert fleet.apply(written(key, b"{}")) is None
    assert fleet.apply(Removed(key, 6)) is None
    assert [repr(key) in record.getMessage() for record in caplog.records] == [True]


def test_a_broken_value_is_named_and_counts_as_absent(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    key = KEYS.host_alive("a")
    fleet.apply(written(key, ALIVE))
    change = fleet.apply(written(key, b"{", 6))
    assert change
    assert change.after is None
    assert fleet.broken[key].mod_revision == 6
    assert key in caplog.text
    fleet.apply(written(key, ALIVE, 7))
    assert not fleet.broken
    fleet.apply(written(key, b"{", 8))
    fleet.apply(Removed(key, 9))
    assert not fleet.broken


def test_a_broken_claim_is_a_claim(fleet: Fleet) -> None:
    fleet.apply(written(KEYS.claim(B), b"{"))
    assert fleet.claims_on("a") == [B]


def test_bonds_are_found_from_both_ends(fleet: Fleet) -> None:
    for parent, child in (("p", "c"), ("p", "d"), ("c", "e")):
        fleet.apply(written(KEYS.binding(parent, child), Binding()))
    assert fleet.children("p") == {"c", "d"}
    assert (fleet.parent("e"), fleet.parent("p")) == ("c", "")
    fleet.apply(Removed(KEYS.binding("p", "c"), 6))
    assert fleet.children("p") == {"d"}
    assert fleet.parent("c") == ""


def test_instances_and_claims_are_found_by_host(fleet: Fleet) -> None:
    fleet.apply(written(KEYS.instance("a", B), CHROME))
    fleet.apply(written(KEYS.instance("_", "r"), CHROME))
    fleet.apply(written(KEYS.claim(B), Claim("p", "r")))
    assert [name for name, _ in fleet.on_host("a")] == [B]
    assert [name for name, _ in fleet.on_host("_")] == ["r"]
    assert fleet.claimed_hosts() == {"a"}
    fleet.apply(Removed(KEYS.claim(B), 6))
    assert not fleet.claimed_hosts()


@pytest.mark.parametrize(
    ("alive", "known", "desired", "state"),
    [
        (True, None, None, HostState.READY),
        (True, HostState.READY, None, HostState.READY),
        (True, HostState.READY, DesiredHost(slots=2), HostState.READY),
        (True, HostState.READY, DesiredHost(cordon=True), HostState.CORDONED),
        (True, HostState.READY, DesiredHost(cordon=True, drain_deadline=0.0), HostState.DRAINING),
        # Before the leader has noted it.
        (False, HostState.READY, DesiredHost(cordon=True), HostState.SUSPECT),
        (True, HostState.SUSPECT, None, HostState.READY),
        (False, HostState.SUSPECT, None, HostState.SUSPECT),
        (False, HostState.GONE, None, HostState.GONE),
    ],
)
def test_what_the_fleet_makes_of_a_host(
    fleet: Fleet, alive: bool, known: HostState | None, desired: DesiredHost | None, state: HostState
) -> None:
    if alive:
        fleet.apply(written(KEYS.host_alive("a"), ALIVE))
    if known:
        fleet.apply(written(KEYS.known_host("a"), KnownHost(known, 1.0)))
    if desired:
        fleet.apply(written(KEYS.desired_host("a"), desired))
    assert fleet.host_state("a") is state
    assert fleet.hosts() == ["a"]


def test_stale_is_what_nothing_vouches_for(fleet: Fleet) -> None:
    assert fleet.is_stale("r")
    assert fleet.is_stale(B)
    fleet.apply(written(KEYS.beat("r"), Beat()))
    fleet.apply(written(KEYS.host_alive("a"), ALIVE))
    assert not fleet.is_stale("r")
    assert not fleet.is_stale(B)


def test_it_knows_whether_it_can_be_relied_on(fleet: Fleet) -> None:
    fleet.apply(written(KEYS.host_alive("a"), ALIVE, 5))
    assert (fleet.synced, fleet.current_at, fleet.revision) == (False, 0.0, 5)
    fleet.apply(Synced(7))
    assert (fleet.synced, fleet.current_at, fleet.revision, fleet.outage) == (True, 1000.0, 7, "")
    fleet.apply(Stale("cut off"))
    assert (fleet.synced, fleet.outage) == (False, "cut off")
    fleet.apply(Synced(8))
    fleet.apply(Rewound("restored"))
    assert (fleet.synced, fleet.revision, fleet.rewinds) == (False, 0, 1)
    fleet.apply(Synced(2))
    assert (fleet.synced, fleet.revision) == (True, 2)
