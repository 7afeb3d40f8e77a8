"""A watch's decisions as transcripts: what arrives on the left, what is delivered and done next on the right."""

import pytest

from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.follow import Follower, Step
from waypoint_core.etcd.reads import Snapshot
from waypoint_core.registry import Entry, Listing, Removed, Rewound, Stale, Synced, WatchEvent, Written

CLUSTER = 7


def entry(key: str, revision: int, value: bytes = b"") -> Entry:
    return Entry(key, value, revision, revision)


def listing(revision: int, *entries: Entry, cluster: int = CLUSTER) -> Snapshot:
    return Snapshot(cluster, Listing(entries, revision))


def header(revision: int, cluster: int = CLUSTER) -> pb.ResponseHeader:
    return pb.ResponseHeader(revision=revision, cluster_id=cluster)


def put(key: str, revision: int) -> pb.Event:
    kv = pb.KeyValue(key=key.encode(), create_revision=revision, mod_revision=revision)
    return pb.Event(type=pb.Event.PUT, kv=kv)


def delete(key: str, revision: int) -> pb.Event:
    return pb.Event(type=pb.Event.DELETE, kv=pb.KeyValue(key=key.encode(), mod_revision=revision))


def said(revision: int, *events: pb.Event, fragment: bool = False) -> pb.WatchResponse:
    return pb.WatchResponse(header=header(revision), events=events, fragment=fragment)


def created(revision: int) -> pb.WatchResponse:
    return pb.WatchResponse(header=header(revision), created=True)


def found(revision: int, *entries: Entry, cluster: int = CLUSTER) -> pb.RangeResponse:
    kvs = [pb.KeyValue(key=each.key.encode(), mod_revision=each.mod_revision) for each in entries]
    return pb.RangeResponse(header=header(revision, cluster), kvs=kvs)


def written(key: str, revision: int) -> Written:
    return Written(entry(key, revision))


@pytest.fixture
def follower() -> Follower:
    """Has listed a@3 and b@5 at revision 9, and follows."""
    follower = Follower("")
    follower.listed(listing(9, entry("a", 3), entry("b", 5)))
    return follower


def resume(follower: Follower, revision: int) -> list[WatchEvent]:
    """An interruption, after which the cluster is found at this revision with b@5 as it was."""
    return follower.interrupted("gone") + follower.checked(found(revision, entry("b", 5)))


def test_it_lists_then_follows_from_the_next_revision() -> None:
    follower = Follower("/p/")
    assert follower.step is Step.LIST
    assert follower.listed(listing(9, entry("/p/a", 3))) == [written("/p/a", 3), Synced(9)]
    assert (follower.step, follower.seen) == (Step.FOLLOW, 9)


def test_an_empty_prefix_is_synced_at_once() -> None:
    assert Follower("/p/").listed(listing(1)) == [Synced(1)]


def test_events_move_what_was_seen_and_headers_do_not(follower: Follower) -> None:
    assert follower.received(created(50)) == []
    assert follower.received(said(60)) == []
    assert follower.seen == 9
    assert follower.received(said(70, put("a", 10), delete("b", 12))) == [written("a", 10), Removed("b", 12)]
    assert follower.seen == 12


def test_fragments_are_one_message(follower: Follower) -> None:
    assert follower.received(said(10, put("a", 10), fragment=True)) == []
    assert follower.received(said(10, put("b", 10), fragment=True)) == []
    assert follower.seen == 9
    last = follower.received(said(10, put("c", 10)))
    assert last == [written("a", 10), written("b", 10), written("c", 10)]
    assert follower.seen == 10


def test_half_a_revision_is_forgotten_with_its_stream(follower: Follower) -> None:
    follower.received(said(10, put("a", 10), fragment=True))
    resume(follower, 10)
    assert follower.seen == 9
    assert follower.received(said(10, put("a", 10), put("b", 10))) == [
        written("a", 10),
        written("b", 10),
        Synced(10),
    ]


def test_what_was_delivered_is_not_delivered_again(follower: Follower) -> None:
    assert follower.received(said(10, put("a", 3), put("a", 9), put("a", 10))) == [written("a", 10)]


def test_an_interruption_is_told_once_and_checked(follower: Follower) -> None:
    assert follower.interrupted("broken pipe") == [Stale("broken pipe")]
    assert follower.step is Step.CHECK
    assert follower.interrupted("still broken") == []
    assert follower.step is Step.CHECK


def test_the_check_reads_what_changed_last_as_it_was_seen(follower: Follower) -> None:
    assert follower.question() == pb.RangeRequest(key=b"b", revision=9)
    follower.received(said(11, put("a", 10), delete("b", 11)))
    assert follower.question() == pb.RangeRequest(key=b"b", revision=11)
    follower.interrupted("gone")
    assert follower.checked(found(11)) == []
    assert follower.step is Step.FOLLOW


def test_after_a_check_with_nothing_new_the_first_answer_means_synced(follower: Follower) -> None:
    assert resume(follower, 9) == [Stale("gone")]
    assert follower.step is Step.FOLLOW
    assert follower.received(created(9)) == [Synced(9)]


def test_after_a_check_with_news_the_news_come_before_synced(follower: Follower) -> None:
    resume(follower, 20)
    assert follower.received(created(20)) == []
    assert follower.received(said(15, put("a", 12))) == [written("a", 12)]
    assert follower.received(said(20, put("a", 20))) == [written("a", 20), Synced(20)]


def test_after_a_check_with_news_of_others_progress_means_synced(follower: Follower) -> None:
    resume(follower, 20)
    assert follower.received(created(25)) == []
    assert follower.received(said(19)) == [], "a member that lags behind"
    assert follower.received(said(21)) == [Synced(21)]
    assert follower.received(said(22)) == [], "once"
    assert follower.seen == 9


def test_compaction_at_the_start_of_a_watch_means_the_difference(follower: Follower) -> None:
    resume(follower, 40)
    cancel = pb.WatchResponse(header=header(40), created=True, canceled=True, compact_revision=30)
    assert follower.received(cancel) == []
    assert follower.step is Step.LIST
    assert follower.listed(listing(40, entry("b", 5), entry("c", 33))) == [
        Removed("a", 40),
        written("c", 33),
        Synced(40),
    ]
    assert follower.step is Step.FOLLOW


def test_compaction_under_a_live_watch_means_the_difference(follower: Follower) -> None:
    told = follower.received(pb.WatchResponse(header=header(40), canceled=True, compact_revision=30))
    assert told == [Stale("history since revision 9 was compacted")]
    assert follower.listed(listing(40, entry("a", 3), entry("b", 5))) == [Synced(40)]


def test_a_compacted_check_means_the_difference(follower: Follower) -> None:
    follower.interrupted("gone")
    assert follower.compacted() == []
    assert follower.step is Step.LIST


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("", "the watch was cancelled"),
        ("etcdserver: permission denied", "etcdserver: permission denied"),
        ("etcdserver: invalid auth token", "etcdserver: invalid auth token"),
        ("etcdserver: no leader", "etcdserver: no leader"),
    ],
)
def test_every_other_cancel_is_an_interruption(follower: Follower, reason: str, told: str) -> None:
    cancel = pb.WatchResponse(header=header(9), watch_id=-1, created=True, canceled=True, cancel_reason=reason)
    assert follower.received(cancel) == [Stale(told)]
    assert (follower.step, follower.seen) == (Step.CHECK, 9)


def test_another_cluster_is_a_replaced_history(follower: Follower) -> None:
    follower.interrupted("gone")
    assert follower.checked(found(90, entry("b", 5), cluster=8)) == []
    assert follower.step is Step.LIST
    assert follower.listed(listing(90, entry("b", 5), cluster=8)) == [
        Rewound("another cluster answers"),
        Removed("a", 90),
        written("b", 5),
        Synced(90),
    ]


def test_a_key_that_reads_differently_is_a_replaced_history(follower: Follower) -> None:
    follower.interrupted("gone")
    follower.checked(found(90, entry("b", 4)))
    told = follower.listed(listing(90, entry("b", 4)))
    assert told[0] == Rewound("'b' reads differently at revision 9")


def test_a_key_that_is_missing_from_the_past_is_a_replaced_history(follower: Follower) -> None:
    follower.interrupted("gone")
    follower.checked(found(90))
    assert follower.step is Step.LIST


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (listing(50, cluster=8), "another cluster answers"),
        (listing(8, entry("a", 3), entry("b", 5)), "revision went back from 9 to 8"),
        (listing(50, entry("a", 4)), "'a' was not at revision 4 in the history that we saw"),
        (listing(50, entry("a", 3), entry("c", 9)), "'c' was not at revision 9 in the history that we saw"),
    ],
)
def test_a_listing_may_betray_a_replaced_history(follower: Follower, now: Snapshot, reason: str) -> None:
    follower.compacted()
    told = follower.listed(now)
    assert told[0] == Rewound(reason)
    assert [event for event in told if isinstance(event, Written)] == list(map(Written, now.listing.entries))
    assert told[-1] == Synced(now.listing.revision)


def test_after_a_replaced_history_all_is_as_new(follower: Follower) -> None:
    follower.replaced("revision went back")
    follower.listed(listing(4, entry("a", 2)))
    assert follower.seen == 4
    assert follower.received(said(5, put("a", 5))) == [written("a", 5)]
    assert follower.interrupted("gone") == [Stale("gone")]
    assert follower.question() == pb.RangeRequest(key=b"a", revision=5)


def test_a_failed_first_listing_is_told_and_tried_again() -> None:
    follower = Follower("/p/")
    assert follower.interrupted("nobody answers") == [Stale("nobody answers")]
    assert follower.step is Step.LIST
    assert follower.listed(listing(3)) == [Synced(3)]
