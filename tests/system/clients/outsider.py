"""A program that uses the instance manager and knows nothing of WayPoint: outsider.py ADDRESS[,ADDRESS] CA CERT KEY.

It generates its client from tests/instance_manager.proto, registers itself and a child, keeps both healthy, claims a
browser as a second child, connects to the address that it was given, prints what it has as one line of JSON, and waits
for a line on its standard input. Then it kills the parent, and prints as JSON how its children ended.
"""

import importlib
import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
from grpc_tools import protoc
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

HEARTBEAT = 1.0
PATIENCE = 60.0
PARENT, CHILD = f"outsider {os.getpid()}", f"model of outsider {os.getpid()}"


def generate() -> tuple[Any, Any]:
    """The interface's messages and stubs."""
    source = Path(__file__).parents[2] / "instance_manager.proto"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [f"-I{source.parent}", f"--python_out={folder}", f"--grpc_python_out={folder}", source.name]
        if protoc.main(["protoc", *arguments]):
            sys.exit("cannot generate the client")
        sys.path.insert(0, folder)
        return importlib.import_module("instance_manager_pb2"), importlib.import_module("instance_manager_pb2_grpc")


pb, services = generate()


class Manager:
    """The four services on one channel."""

    def __init__(self, addresses: str, ca: str, certificate: str, key: str) -> None:
        files = (Path(each).read_bytes() for each in (ca, key, certificate))
        options = (("grpc.ssl_target_name_override", "localhost"),)
        channel = grpc.secure_channel(f"ipv4:{addresses}", grpc.ssl_channel_credentials(*files), options)
        self.tries = services.TryServiceStub(channel)
        self.gets = services.GetServiceStub(channel)
        self.subscriptions = services.SubscribeServiceStub(channel)

    def add(self, name: str, kind: int, **more: Any) -> bool:
        description = pb.InstanceDescription(instance_id=pb.InstanceId(instance_id=name), instance_type=kind, **more)
        return self.tries.TryAddInstance(description, timeout=PATIENCE, wait_for_ready=True).value

    def update(self, name: str, **what: Any) -> bool:
        description = pb.InstanceDescription(instance_id=pb.InstanceId(instance_id=name), **what)
        metadata = (("proto_version", "f00d"),)
        answer = self.tries.TryUpdateInstanceDescription(
            description, timeout=PATIENCE, wait_for_ready=True, metadata=metadata
        )
        return answer.value

    def get(self, name: str) -> Any:
        return self.gets.GetInstance(pb.InstanceId(instance_id=name), timeout=PATIENCE, wait_for_ready=True)

    def all(self, kind: int) -> list[str]:
        answer = self.gets.GetAllInstances(
            pb.AllInstancesQuery(instance_type=kind), timeout=PATIENCE, wait_for_ready=True
        )
        return [each.instance_id for each in answer.instance_ids]


class Health(threading.Thread):
    """Sends heartbeats until one is answered with false, or nobody knows the instance any more."""

    def __init__(self, manager: Manager, name: str) -> None:
        super().__init__(daemon=True)
        self.manager, self.instance, self.stopped = manager, name, threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(HEARTBEAT):
            try:
                if not self.manager.update(self.instance, health_check=pb.HealthCheck()):
                    self.stopped.set()
            except grpc.RpcError as error:
                print(f"{self.instance}: {error.code()} {error.details()}", file=sys.stderr)


class Updates(threading.Thread):
    """Collects what is told of one type; subscribes again when a server goes away."""

    def __init__(self, manager: Manager, kind: int) -> None:
        super().__init__(daemon=True)
        self.manager, self.kind, self.seen = manager, kind, []
        self.more = threading.Condition()
        self.subscribed = threading.Event()

    def wait_for(self, *update: str) -> None:
        """Until this was told, or for as long as patience lasts."""
        with self.more:
            self.more.wait_for(lambda: [*update] in self.seen, PATIENCE)

    def run(self) -> None:
        query = pb.AllInstancesQuery(instance_type=self.kind)
        while True:
            try:
                call = self.manager.subscriptions.SubscribeToInstanceUpdates(query, wait_for_ready=True)
                call.initial_metadata()  # comes once nothing is missed any more
                self.subscribed.set()
                for update in call:
                    with self.more:
                        self.seen.append([update.instance_id.instance_id, pb.EventType.Name(update.event_type)])
                        self.more.notify_all()
            except grpc.RpcError as error:
                print(f"updates: {error.code()} {error.details()}", file=sys.stderr)


def claim(manager: Manager) -> str:
    """The first browser that can be had, in time: they may all be starting."""
    parent = pb.Relationship(instance_id=pb.InstanceId(instance_id=PARENT))
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for name in manager.all(pb.CHROME_BROWSER):
            try:
                if manager.update(name, parent=parent):
                    return name
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.NOT_FOUND:  # it has ended since
                    raise
    sys.exit("no browser can be claimed")


def main(*where: str) -> None:
    manager = Manager(*where)
    models, browsers = Updates(manager, pb.VLLM), Updates(manager, pb.CHROME_BROWSER)
    for updates in (models, browsers):
        updates.start()
        updates.subscribed.wait(PATIENCE)
    parent = pb.Relationship(instance_id=pb.InstanceId(instance_id=PARENT))
    added = [manager.add(PARENT, pb.AGENT), manager.add(CHILD, pb.VLLM, parent=parent)]
    hearts = [Health(manager, PARENT), Health(manager, CHILD)]
    for heart in hearts:
        heart.start()
    browser = claim(manager)
    address = manager.get(browser).services.chrome_debug_port_service
    with urllib.request.urlopen(f"http://{address}/json/version", timeout=PATIENCE) as answer:
        endpoint = json.load(answer)["webSocketDebuggerUrl"]
    with connect(endpoint, compression=None, ping_interval=None, open_timeout=PATIENCE) as socket:
        socket.send(json.dumps({"id": 1, "method": "Browser.getVersion"}))
        product = json.loads(socket.recv())["result"]["product"]
        children = [each.instance_id.instance_id for each in manager.get(PARENT).children.children]
        found = {
            "parent": PARENT,
            "child": CHILD,
            "added": added,
            "browser": browser,
            "address": address,
            "product": product,
            "children": children,
        }
        print(json.dumps(found), flush=True)
        sys.stdin.readline()
        killed = manager.update(PARENT, kill_instance_request=pb.KillInstanceRequest(kill_reason=pb.KILLED))
        print(json.dumps({"killed": killed}), flush=True)
        try:
            socket.recv(timeout=PATIENCE)
            close = None
        except ConnectionClosed as closed:
            close = [closed.rcvd.code, closed.rcvd.reason] if closed.rcvd else None
    stopped = all(heart.stopped.wait(PATIENCE) for heart in hearts)
    models.wait_for(CHILD, "REMOVED")
    browsers.wait_for(browser, "REMOVED")
    end = {
        "close": close,
        "told to stop": stopped,
        "parent": pb.KillReason.Name(manager.get(PARENT).kill_instance_request.kill_reason),
        "child": pb.KillReason.Name(manager.get(CHILD).kill_instance_request.kill_reason),
        "models": manager.all(pb.VLLM),
        "browser is listed": browser in manager.all(pb.CHROME_BROWSER),
        "updates": models.seen,
    }
    print(json.dumps(end), flush=True)


main(*sys.argv[1:])
