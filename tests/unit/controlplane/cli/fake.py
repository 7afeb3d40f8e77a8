"""A control plane in this process: the four services with a small fleet of made-up hosts."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.api.binding import handler

NOON = 1_770_000_000.0  # 2026-02-02 02:40:00 UTC
NOW = NOON + 3600
ID = "a_0_3f2a"


def at(seconds: float) -> Timestamp:
    return Timestamp(seconds=int(seconds), nanos=round(seconds % 1 * 1e9))


def ago(seconds: float) -> Timestamp:
    return at(NOW - seconds)


def hosts() -> dict[str, pb.Host]:
    return {
        "a": pb.Host(
            name="a",
            state=pb.HOST_STATE_READY,
            since=ago(192),
            slots=4,
            ready=2,
            claimed=1,
            failed=1,
            load1=0.5,
            memory_total_bytes=8 << 30,
            memory_available_bytes=6 << 30,
            pressure={"cpu": 1.25, "memory": 0.0},
            labels={"zone": "x", "disk": "fast"},
            versions={"agent": "0.1.0"},
            status_address="10.0.0.1:9301",
            boot_id="b00t",
        ),
        "b": pb.Host(
            name="b",
            state=pb.HOST_STATE_SUSPECT,
            reason="its lease has run out",
            since=ago(7),
            slots=50,
            load1=3.25,
            losses=[at(NOON)],
        ),
    }


def instances() -> dict[str, pb.Instance]:
    browser = pb.Instance(
        id=ID,
        type="chrome_browser",
        state=pb.INSTANCE_STATE_CLAIMED,
        host="a",
        slot=0,
        generation=7,
        since=ago(3600),
        endpoints={"cdp": "ws://127.0.0.1:20000/x"},
        parent="job1",
        proxy="a",
        claim_kind="cdp",
    )
    registered = pb.Instance(
        id="job1", type="agent", state=pb.INSTANCE_STATE_READY, since=ago(90), children=[ID], labels={"team": "red"}
    )
    failed = pb.Instance(
        id="a_3_77",
        type="chrome_browser",
        state=pb.INSTANCE_STATE_FAILED,
        reason="did not answer within 15 s",
        host="a",
        slot=3,
        since=ago(5),
    )
    return {each.id: each for each in (browser, registered, failed)}


def sessions() -> list[pb.Session]:
    live = pb.Session(
        instance=ID,
        host="a",
        proxy="a",
        kind="cdp",
        client="10.0.0.9:4711",
        since=ago(65),
        bytes_from_client=2048,
        bytes_to_client=5 << 20,
        connections=2,
    )
    ended = pb.Session(
        instance="a_1_9c", host="a", proxy="a", kind="cdp", client="10.0.0.9:4700", since=ago(130), ended=ago(12)
    )
    ended.end_reason = "client closed"
    return [live, ended]


EVENTS = [
    pb.Event(at=at(NOON), number=1, noun="host", name="a", what="ready", reason="its agent registered"),
    pb.Event(at=at(NOON + 61), number=2, noun="instance", name=ID, what="killed", reason="ran away", by="root@desk"),
]


@dataclass
class Fleet:
    """What the fake serves, and what it was asked."""

    hosts: dict[str, pb.Host] = field(default_factory=hosts)
    asked: list[Message] = field(default_factory=list)
    drain: list[pb.DrainProgress] = field(default_factory=list)
    drain_goes_on: threading.Event = field(default_factory=threading.Event)
    missing: list[str] = field(default_factory=list)
    leader: str = "cp1"
    serving: bool = True
    silent: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    session_url: str = "ws://10.0.0.1:9222/devtools/browser/s1"
    tzafonwright_url: str = "ws://10.0.0.1:1337/session/s1"
    refusal: tuple[grpc.StatusCode, str] | None = None

    def last(self, kind: type[Message]) -> Any:
        """The latest request of this kind."""
        return [request for request in self.asked if isinstance(request, kind)][-1]


class Hosts:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def _find(self, request: Any, context: grpc.ServicerContext) -> pb.Host:
        if request.name not in self.fleet.hosts:
            context.abort(grpc.StatusCode.NOT_FOUND, f"cannot find host {request.name}: no agent of that name was seen")
        return self.fleet.hosts[request.name]

    def list(self, request: pb.ListHostsRequest, _: grpc.ServicerContext) -> pb.ListHostsResponse:
        found = [
            host for host in self.fleet.hosts.values() if dict(request.labels).items() <= dict(host.labels).items()
        ]
        return pb.ListHostsResponse(hosts=found)

    get = _find

    def cordon(self, request: pb.CordonRequest, context: grpc.ServicerContext) -> pb.Host:
        host = self._find(request, context)
        host.state, host.reason = pb.HOST_STATE_CORDONED, request.reason
        return host

    def uncordon(self, request: pb.UncordonRequest, context: grpc.ServicerContext) -> pb.Host:
        host = self._find(request, context)
        host.state = pb.HOST_STATE_READY
        return host

    def drain(self, request: pb.DrainRequest, context: grpc.ServicerContext) -> Iterator[pb.DrainProgress]:
        self._find(request, context)
        yield from self.fleet.drain
        if not (self.fleet.drain and self.fleet.drain[-1].drained) and self.fleet.drain_goes_on.wait(60):
            yield pb.DrainProgress(drained=True)

    def scale(self, request: pb.ScaleRequest, context: grpc.ServicerContext) -> pb.Host:
        return self._find(request, context)

    def configure(self, request: pb.ConfigureRequest, context: grpc.ServicerContext) -> pb.Host:
        host = self._find(request, context)
        for key in request.remove_labels:
            host.labels.pop(key, None)
        host.labels.update(request.set_labels)
        if request.HasField("browser_flags"):
            host.browser_flags[:] = request.browser_flags.flags
        return host


class Instances:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def list(self, request: pb.ListInstancesRequest, _: grpc.ServicerContext) -> pb.ListInstancesResponse:
        found = [each for each in instances().values() if request.host in {"", each.host}]
        return pb.ListInstancesResponse(instances=[each for each in found if request.type in {"", each.type}])

    def get(self, request: pb.GetInstanceRequest, context: grpc.ServicerContext) -> pb.Instance:
        if request.id not in instances():
            context.abort(grpc.StatusCode.NOT_FOUND, f"cannot find instance {request.id}")
        return instances()[request.id]

    def kill(self, request: pb.KillRequest, context: grpc.ServicerContext) -> pb.KillResponse:
        self.get(pb.GetInstanceRequest(id=request.id), context)
        return pb.KillResponse()

    def list_bindings(self, _: pb.ListBindingsRequest, __: grpc.ServicerContext) -> pb.ListBindingsResponse:
        return pb.ListBindingsResponse(bindings=[pb.Binding(parent="job1", child=ID, since=ago(90))])


class Sessions:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def list(self, request: pb.ListSessionsRequest, _: grpc.ServicerContext) -> pb.ListSessionsResponse:
        found = [each for each in sessions() if request.ended or not each.HasField("ended")]
        return pb.ListSessionsResponse(sessions=found, missing=self.fleet.missing)

    def open(self, _: pb.OpenSessionRequest, __: grpc.ServicerContext) -> pb.OpenSessionResponse:
        answer = pb.OpenSessionResponse(
            instance=ID, url=self.fleet.session_url, tzafonwright_url=self.fleet.tzafonwright_url
        )
        answer.open_timeout.FromSeconds(60)
        return answer


class Administration:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def get_status(self, _: Message, __: grpc.ServicerContext) -> pb.Status:
        status = pb.Status(
            leader=self.fleet.leader,
            server="cp1",
            version="0.1.0",
            members=[pb.Member(name="cp1", address="10.0.0.1:50052", status_address="10.0.0.1:9303")],
            proxies=[pb.Proxy(name="a", host="a", address="10.0.0.1:9222", status_address="10.0.0.1:9302")],
        )
        status.staleness.FromMilliseconds(400)
        return status

    def freeze(self, request: pb.FreezeRequest, context: grpc.ServicerContext) -> pb.Status:
        status = self.get_status(request, context)
        status.frozen, status.frozen_by, status.freeze_reason = True, request.by, request.reason
        return status

    unfreeze = get_status

    def watch_events(self, request: pb.WatchEventsRequest, _: grpc.ServicerContext) -> Iterator[pb.Event]:
        yield from EVENTS[-request.past :] if request.past else ()

    def read_journal(self, request: pb.ReadJournalRequest, _: grpc.ServicerContext) -> Iterator[pb.JournalLine]:
        for number in range(min(request.lines, 2)):
            yield pb.JournalLine(at=at(NOON + number), unit=request.unit, priority=6, message=f"line {number}")


_CLASSES = {"Hosts": Hosts, "Instances": Instances, "Sessions": Sessions, "Fleet": Administration}


@contextlib.contextmanager
def serving(fleet: Fleet, credentials: grpc.ServerCredentials | None = None) -> Iterator[str]:
    """Serves the fleet while the body runs; its address."""

    def guard(_: str, serve: Callable[..., Any]) -> Callable[..., Any]:
        def noted(request: Any, context: grpc.ServicerContext) -> Any:
            fleet.asked.append(request)
            if fleet.silent:
                fleet.over.wait()
            if fleet.refusal:
                context.abort(*fleet.refusal)
            return serve(request, context)

        return noted

    def health(_: bytes, __: grpc.ServicerContext) -> bytes:
        return b"\x08\x01" if fleet.serving else b"\x08\x02"

    server = grpc.server(ThreadPoolExecutor(4))
    for name, service in pb.DESCRIPTOR.services_by_name.items():
        server.add_generic_rpc_handlers((handler(service, _CLASSES[name](fleet), guard),))
    check = grpc.unary_unary_rpc_method_handler(health)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check}),))
    port = (
        server.add_secure_port("127.0.0.1:0", credentials) if credentials else server.add_insecure_port("127.0.0.1:0")
    )
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        stopped = server.stop(None)
        fleet.drain_goes_on.set()
        fleet.over.set()
        stopped.wait()
