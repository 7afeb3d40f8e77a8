"""Answers that a real etcd gives too rarely to wait for, from a server that follows a script."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest

from functional.etcd.following import changes, kinds, take, until
from waypoint_core.errors import ConfigError, LeaseLost, RegistryRefused, RegistryUnavailable
from waypoint_core.etcd import EtcdRegistry, endpoints, watch
from waypoint_core.etcd import rpc_pb2 as pb
from waypoint_core.etcd.endpoints import Endpoints
from waypoint_core.etcd.methods import WATCH
from waypoint_core.registry import Absent, Get, Put, Stale, Synced
from waypoint_core.settings import EtcdSettings

HEADER = pb.ResponseHeader(cluster_id=1, revision=9)
AHEAD = pb.ResponseHeader(cluster_id=1, revision=20)
Answer = tuple[grpc.StatusCode, str] | Any
Said = pb.WatchResponse | bytes
Stream = Callable[[AsyncIterator[pb.WatchRequest]], AsyncIterator[Said]]

GARBAGE = b"\xff\xff\xff"

REQUESTS = {
    "Range": pb.RangeRequest,
    "Put": pb.PutRequest,
    "Txn": pb.TxnRequest,
    "LeaseGrant": pb.LeaseGrantRequest,
    "LeaseKeepAlive": pb.LeaseKeepAliveRequest,
    "LeaseTimeToLive": pb.LeaseTimeToLiveRequest,
    "Authenticate": pb.AuthenticateRequest,
    "Status": pb.StatusRequest,
}


class Script(grpc.GenericRpcHandler):
    """Each method gives its answers in turn, the last for ever; a status stands for an error, bytes for themselves."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {"Status": [pb.StatusResponse(version="3.5.16")]}
        self.watches: list[Stream] = []
        self.asked: list[str] = []
        self.tokens: list[object] = []

    def service(self, details: Any) -> Any:
        method = details.method.rpartition("/")[2]
        if method == "Watch":
            return grpc.stream_stream_rpc_method_handler(self._watch, pb.WatchRequest.FromString, serialized)
        return grpc.unary_unary_rpc_method_handler(self._unary(method), REQUESTS[method].FromString, serialized)

    def _unary(self, method: str) -> Callable[[Any, Any], Awaitable[Any]]:
        async def answer(request: Any, context: Any) -> Any:
            self.asked.append(method)
            self.tokens.append(dict(context.invocation_metadata()).get("token"))
            answers = self.answers[method]
            chosen = answers.pop(0) if len(answers) > 1 else answers[0]
            if isinstance(chosen, tuple):
                await context.abort(*chosen)
            return chosen

        return answer

    async def _watch(self, requests: AsyncIterator[pb.WatchRequest], context: Any) -> AsyncIterator[Said]:
        chosen = self.watches.pop(0) if len(self.watches) > 1 else self.watches[0]
        async for response in chosen(requests):
            yield response
        await context.abort(grpc.StatusCode.CANCELLED, "context canceled")

    def count(self, method: str) -> int:
        return self.asked.count(method)


def serialized(answer: Any) -> bytes:
    return answer if isinstance(answer, bytes) else bytes(answer.SerializeToString())


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
async def settings(script: Script) -> AsyncIterator[EtcdSettings]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((script,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield EtcdSettings(endpoints=(f"127.0.0.1:{port}",), attempt_timeout=20.0, call_timeout=20.0)
    await server.stop(None)


@pytest.fixture
async def registry(settings: EtcdSettings) -> AsyncIterator[EtcdRegistry]:
    async with EtcdRegistry.connect(settings) as registry:
        yield registry


UNKNOWN_FATE = [
    (grpc.StatusCode.UNAVAILABLE, "etcdserver: request timed out"),
    (grpc.StatusCode.UNKNOWN, "etcdserver: server stopped"),
    (grpc.StatusCode.CANCELLED, "context canceled"),
]


@pytest.mark.parametrize("failure", UNKNOWN_FATE)
async def test_what_may_have_been_carried_out_is_repeated_only_if_it_reads(
    script: Script, registry: EtcdRegistry, failure: Answer
) -> None:
    script.answers["Txn"] = [failure, pb.TxnResponse(header=HEADER)]
    with pytest.raises(RegistryUnavailable, match=r"^cannot do Txn"):
        await registry.transact([Absent("a")], [Put("a", b"")])
    assert script.count("Txn") == 1
    script.answers["Put"] = [failure, pb.PutResponse(header=HEADER)]
    with pytest.raises(RegistryUnavailable, match=r"^cannot do Put"):
        await registry.put("a", b"")
    assert script.count("Put") == 1
    script.answers["Txn"] = [failure, failure, pb.TxnResponse(header=HEADER)]
    await registry.transact([], [Get("a")])
    script.answers["Range"] = [failure, failure, pb.RangeResponse(header=HEADER)]
    assert await registry.get("a") is None


@pytest.mark.parametrize(
    "failure",
    [
        (grpc.StatusCode.UNAVAILABLE, "etcdserver: no leader"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "etcdserver: too many requests"),
    ],
)
async def test_what_was_certainly_not_carried_out_is_repeated(
    script: Script, registry: EtcdRegistry, failure: Answer
) -> None:
    script.answers["Put"] = [failure, failure, pb.PutResponse(header=HEADER)]
    assert await registry.put("a", b"") == 9
    assert script.count("Put") == 3


async def test_an_answer_that_cannot_be_read_is_as_good_as_none(script: Script, registry: EtcdRegistry) -> None:
    script.answers["Range"] = [GARBAGE, pb.RangeResponse(header=HEADER)]
    assert await registry.get("a") is None
    script.answers["Put"] = [GARBAGE]
    with pytest.raises(RegistryUnavailable, match=r"^cannot do Put .*what it sent cannot be read"):
        await registry.put("a", b"")
    assert script.count("Put") == 1


async def test_a_lease_whose_grant_went_unheard_is_recognised(script: Script, registry: EtcdRegistry) -> None:
    taken = (grpc.StatusCode.FAILED_PRECONDITION, "etcdserver: lease already exists")
    script.answers["LeaseGrant"] = [UNKNOWN_FATE[0], taken]
    lease = await registry.lease(20)
    assert (lease.ttl, script.count("LeaseGrant")) == (20, 2)


async def test_one_denial_of_a_lease_is_no_proof_and_two_are(script: Script, registry: EtcdRegistry) -> None:
    alive, denied = pb.LeaseKeepAliveResponse(TTL=1), pb.LeaseKeepAliveResponse(TTL=0)
    script.answers["LeaseGrant"] = [pb.LeaseGrantResponse(TTL=1)]
    script.answers["LeaseKeepAlive"] = [denied, alive, UNKNOWN_FATE[2], denied, alive, denied]
    lease = await registry.lease(1)
    async with asyncio.timeout(20):
        await lease.lost.wait()
    assert script.count("LeaseKeepAlive") >= 7


async def test_one_denial_of_a_renewal_is_no_proof_and_two_are(script: Script, registry: EtcdRegistry) -> None:
    alive, denied = pb.LeaseKeepAliveResponse(TTL=5), pb.LeaseKeepAliveResponse(TTL=0)
    script.answers["LeaseKeepAlive"] = [denied, alive, denied]
    await registry.renew(7)
    assert script.count("LeaseKeepAlive") == 2
    with pytest.raises(LeaseLost, match="cannot find lease 7"):
        await registry.renew(7)
    assert script.count("LeaseKeepAlive") == 4


async def test_what_remains_is_asked_twice_and_bounded(script: Script, registry: EtcdRegistry) -> None:
    unknown = pb.LeaseTimeToLiveResponse(TTL=-1)
    frozen = pb.LeaseTimeToLiveResponse(TTL=9_223_372_036, grantedTTL=5)
    overdue = pb.LeaseTimeToLiveResponse(TTL=-1, grantedTTL=5)
    script.answers["LeaseTimeToLive"] = [unknown, frozen, overdue, unknown]
    assert await registry.remaining(7) == 5
    assert await registry.remaining(7) == 0
    with pytest.raises(LeaseLost, match="cannot find lease 7"):
        await registry.remaining(7)


@pytest.fixture
def password(tmp_path: Any) -> dict[str, Any]:
    file = tmp_path / "password"
    file.write_text("secret")
    return {"username": "me", "password_file": str(file)}


async def test_a_stale_token_is_replaced_and_the_write_repeated(
    script: Script, settings: EtcdSettings, password: dict[str, Any]
) -> None:
    script.answers["Authenticate"] = [pb.AuthenticateResponse(token=token) for token in ("one", "two", "three")]
    script.answers["Put"] = [
        (grpc.StatusCode.UNAUTHENTICATED, "etcdserver: invalid auth token"),
        (grpc.StatusCode.INVALID_ARGUMENT, "etcdserver: revision of auth store is old"),
        pb.PutResponse(header=HEADER),
    ]
    async with EtcdRegistry.connect(replace(settings, **password)) as registry:
        assert await registry.put("a", b"") == 9
    tokens = [token for asked, token in zip(script.asked, script.tokens, strict=True) if asked == "Put"]
    assert tokens == ["one", "two", "three"]


async def test_a_password_file_that_goes_away_is_named(
    script: Script, settings: EtcdSettings, password: dict[str, Any]
) -> None:
    script.answers["LeaseGrant"] = [pb.LeaseGrantResponse(TTL=1)]
    mine = replace(settings, **password)
    async with EtcdRegistry.connect(mine) as registry:
        Path(password["password_file"]).unlink()
        with pytest.raises(RegistryRefused, match=r"cannot read the password for etcd: .*No such file"):
            await registry.lease(1)
    with pytest.raises(
        ConfigError, match=r"cannot read the password for etcd: .*No such file.*; see etcd\.password_file"
    ):
        await connect(mine)


async def connect(settings: EtcdSettings) -> None:
    async with EtcdRegistry.connect(settings):
        pass


async def test_without_a_password_a_demand_for_one_is_refused_at_once(script: Script, registry: EtcdRegistry) -> None:
    script.answers["Put"] = [(grpc.StatusCode.UNAUTHENTICATED, "etcdserver: invalid auth token")]
    with pytest.raises(RegistryRefused, match=r"^cannot do Put .*invalid auth token"):
        await registry.put("a", b"")
    assert script.count("Put") == 1


def put(key: str, revision: int) -> pb.Event:
    return pb.Event(kv=pb.KeyValue(key=key.encode(), mod_revision=revision, create_revision=revision))


def saying(*responses: Said, then_wait: bool = False) -> Stream:
    """A stream that says these, then ends, or answers each further request with progress."""

    async def stream(requests: AsyncIterator[pb.WatchRequest]) -> AsyncIterator[Said]:
        await anext(requests)
        yield pb.WatchResponse(header=HEADER, created=True)
        for response in responses:
            yield response
        if then_wait:
            async for _ in requests:
                yield pb.WatchResponse(header=HEADER, watch_id=-1)

    return stream


def cancelled(reason: str) -> pb.WatchResponse:
    return pb.WatchResponse(header=HEADER, canceled=True, cancel_reason=reason)


@pytest.fixture
def streams(script: Script) -> list[Stream]:
    script.answers["Range"] = [pb.RangeResponse(header=HEADER)]
    return script.watches


async def test_a_send_that_runs_out_of_time_ends_the_receive_beside_it(
    settings: EtcdSettings, streams: list[Stream]
) -> None:
    """grpc.aio cancels the call, and tells the receiver as if its own task had been cancelled."""
    streams += [deaf]
    deadlines = EtcdSettings(endpoints=settings.endpoints, attempt_timeout=0.5)
    async with Endpoints.open(deadlines) as endpoints, endpoints.stream(WATCH) as stream:
        request = pb.WatchRequest(create_request=pb.WatchCreateRequest(key=bytes(20_000_000)))
        sent, received = await asyncio.gather(stream.send(request), stream.receive(10), return_exceptions=True)
    assert isinstance(sent, RegistryUnavailable)
    assert isinstance(received, RegistryUnavailable)


async def deaf(_: AsyncIterator[pb.WatchRequest]) -> AsyncIterator[pb.WatchResponse]:
    await asyncio.Event().wait()
    yield pb.WatchResponse()


async def test_streams_that_end_in_any_way_are_resumed(registry: EtcdRegistry, streams: list[Stream]) -> None:
    half = pb.WatchResponse(header=HEADER, events=[put("a", 10)], fragment=True)
    streams += [
        saying(),
        saying(half),
        saying(cancelled("etcdserver: permission denied")),
        saying(cancelled("")),
        saying(cancelled("etcdserver: invalid auth token")),
        saying(pb.WatchResponse(header=HEADER, events=[put("a", 10), put("b", 10)]), then_wait=True),
    ]
    async with registry.watch("") as events:
        assert kinds(await until(events, Synced)) == [Synced]
        seen = await take(events, 3)
        while len(changes(seen)) < 2:
            seen += await take(events, 1)
    assert changes(seen) == [("a", b""), ("b", b"")]
    assert kinds(seen)[0] is Stale


async def test_a_message_that_cannot_be_read_ends_a_stream_that_lives_on(
    registry: EtcdRegistry, streams: list[Stream]
) -> None:
    news = pb.WatchResponse(header=HEADER, events=[put("a", 10)])
    streams += [saying(GARBAGE, then_wait=True), saying(news, then_wait=True)]
    async with registry.watch("") as events:
        await until(events, Synced)
        seen = await take(events, 3, seconds=20)
    assert (kinds(seen), changes(seen)) == ([Stale, Synced], [("a", b"")])


async def test_a_watch_asks_for_progress_that_a_quiet_store_can_tell(
    registry: EtcdRegistry, streams: list[Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Since 3.6.2 and 3.5.22, etcd tells none while the store is behind the revision from which a watch starts."""
    monkeypatch.setattr(watch, "ASK_AFTER", 0.0)
    told = asyncio.Event()

    async def stream(requests: AsyncIterator[pb.WatchRequest]) -> AsyncIterator[Said]:
        start = (await anext(requests)).create_request.start_revision
        yield pb.WatchResponse(header=HEADER, created=True)
        async for _ in requests:
            if HEADER.revision >= start:
                yield pb.WatchResponse(header=HEADER, watch_id=-1)
                told.set()

    streams.append(stream)
    async with registry.watch("") as events:
        await until(events, Synced)
        async with asyncio.timeout(20):
            await told.wait()


async def mute(requests: AsyncIterator[pb.WatchRequest]) -> AsyncIterator[Said]:
    await anext(requests)
    yield pb.WatchResponse(header=HEADER, created=True)
    await asyncio.Event().wait()


@pytest.mark.parametrize("behind", [0, 4])
async def test_each_silence_of_a_synced_watch_is_noticed_as_soon_as_the_first(
    script: Script, registry: EtcdRegistry, streams: list[Stream], monkeypatch: pytest.MonkeyPatch, behind: int
) -> None:
    """behind: streams that fell silent while the watch caught up, each of which was given more time."""
    monkeypatch.setattr(watch, "SILENCE", 0.2)
    listing = pb.RangeResponse(header=HEADER)
    script.answers["Range"] = [listing, *[pb.RangeResponse(header=AHEAD)] * behind, listing]
    streams.append(mute)
    waits: list[float] = []
    receive = endpoints.Stream.receive

    async def noting(stream: endpoints.Stream[Any, Any], timeout: float) -> Any:
        try:
            return await receive(stream, timeout)
        except RegistryUnavailable:
            waits.append(timeout)
            raise

    monkeypatch.setattr(endpoints.Stream, "receive", noting)
    async with registry.watch("") as events:
        for _ in range(5):
            await until(events, Synced)
            await until(events, Stale)
    expected = [0.2, *[0.2 * 2**times for times in range(behind)], *[0.2] * 4]
    assert waits[: len(expected)] == expected


async def test_a_member_that_scans_a_long_history_is_given_more_time_each_time(
    script: Script, registry: EtcdRegistry, streams: list[Stream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SILENCE", 0.2)
    script.answers["Range"] = [pb.RangeResponse(header=HEADER), pb.RangeResponse(header=AHEAD)]

    async def scanning(requests: AsyncIterator[pb.WatchRequest]) -> AsyncIterator[Said]:
        await anext(requests)
        yield pb.WatchResponse(header=AHEAD, created=True)
        await asyncio.sleep(0.7)
        yield pb.WatchResponse(header=AHEAD, watch_id=-1)
        await asyncio.Event().wait()

    streams += [saying(), scanning]
    async with registry.watch("") as events:
        await until(events, Stale)
        assert await until(events, Synced) == [Synced(20)]
