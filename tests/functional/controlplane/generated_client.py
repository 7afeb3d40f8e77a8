"""A client as an outsider would write it: registers, heartbeats, subscribes, claims a browser, kills.

Usage: generated_client.py ADDRESS BROWSER, with the code that protoc generated on PYTHONPATH. Prints where the browser
answers.
"""

import sys

import grpc
import instance_manager_pb2 as im
import instance_manager_pb2_grpc as stubs

address, browser = sys.argv[1:]
channel = grpc.insecure_channel(address)
metadata = [("proto_version", "0c5e2a")]
trying, getting = stubs.TryServiceStub(channel), stubs.GetServiceStub(channel)
subscribing, posting = stubs.SubscribeServiceStub(channel), stubs.PostServiceStub(channel)


def named(name: str) -> im.InstanceId:
    return im.InstanceId(instance_id=name)


updates = subscribing.SubscribeToInstanceUpdates(
    im.AllInstancesQuery(instance_type=im.BROWSER_BACKEND), metadata=metadata, timeout=30
)
updates.initial_metadata()
backend = im.InstanceDescription(instance_type=im.BROWSER_BACKEND, instance_id=named("backend"))
assert trying.TryAddInstance(backend, metadata=metadata).value
update = next(updates)
assert (update.event_type, update.instance_id.instance_id) == (im.ADDED, "backend")

beat = im.InstanceDescription(instance_id=named("backend"), health_check=im.HealthCheck())
assert trying.TryUpdateInstanceDescription(beat, metadata=metadata).value
metrics = im.InstanceDescription(
    instance_id=named("backend"), system_metrics=im.SystemMetrics(used_memory_bytes=1, total_memory_bytes=2)
)
assert posting.PostInstanceDescription(metrics, metadata=metadata).value

query = im.AllInstancesQuery(instance_type=im.CHROME_BROWSER)
assert browser in [each.instance_id for each in getting.GetAllInstances(query, metadata=metadata).instance_ids]
claim = im.InstanceDescription(instance_id=named(browser), parent=im.Relationship(instance_id=named("backend")))
assert trying.TryUpdateInstanceDescription(claim, metadata=metadata).value
assert not trying.TryUpdateInstanceDescription(claim, metadata=metadata).value
assert next(updates).event_type == im.CHILD_ADDED

kill = im.InstanceDescription(
    instance_id=named("backend"), kill_instance_request=im.KillInstanceRequest(kill_reason=im.KILLED)
)
found = getting.GetInstance(named(browser), metadata=metadata)
assert trying.TryUpdateInstanceDescription(kill, metadata=metadata).value
assert next(updates).event_type == im.REMOVED
assert not trying.TryUpdateInstanceDescription(beat, metadata=metadata).value
dead = getting.GetInstance(named("backend"), metadata=metadata)
assert dead.kill_instance_request.kill_reason == im.KILLED
print(found.services.chrome_debug_port_service)
