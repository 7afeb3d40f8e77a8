"""The registry on a real etcd cluster: an asyncio client on grpc.aio that survives the loss of any one member.

From the outside in:
    client      EtcdRegistry, the composition root
    targets     the endpoints that the settings name
    watch       follows a prefix over streams that break; all its decisions are in `follow`
    follow      the watch as a state machine without I/O
    lease       keeps a lease alive and tells when it is gone
    leases      what can be asked of the cluster about a lease
    reads       paged listings at one revision
    kv          records to messages and back, pure
    endpoints   how a request reaches some member: rotation, deadlines, retry, sign-in, streams
    channel     the gRPC channel to one member
    faults      what an error means: repeat, sign in again, or give up; pure
    methods     the RPCs by path
    observer    what the client tells about its work
    metrics     the same as metrics, for a daemon's status endpoint
    tasks       who owns the background tasks
    rpc_pb2     the messages, generated from rpc.proto
"""

from waypoint_core.etcd.client import EtcdRegistry

__all__ = ["EtcdRegistry"]
