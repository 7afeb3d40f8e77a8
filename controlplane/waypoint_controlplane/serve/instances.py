"""waypoint.v1.Instances."""

from __future__ import annotations

import time

from grpc.aio import ServicerContext

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.fleet import pair
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import present
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import invalid, not_found, shown, unmet
from waypoint_controlplane.serve.write import Writer
from waypoint_core.keys import Keys, host_of
from waypoint_core.model import InstanceType, KillKind, KillRequest
from waypoint_core.registry import Absent, Present, Registry

_LONGEST_REASON = 300


class Instances:
    """Implements the service."""

    def __init__(self, registry: Registry, follower: Follower, keys: Keys) -> None:
        self._fleet = follower.fleet
        self._keys = keys
        self._writer = Writer(registry, follower)

    async def list(self, request: pb.ListInstancesRequest, _: ServicerContext) -> pb.ListInstancesResponse:
        """Those of a host, of a type, or all."""
        if request.type and request.type not in set(InstanceType):
            raise invalid(f"cannot list instances of type {shown(request.type)}: one of {', '.join(InstanceType)}")
        found = (present.instance(self._fleet, name) for name in sorted(self._fleet.instances))
        wanted = [each for each in found if request.host in {"", each.host} and request.type in {"", each.type}]
        return pb.ListInstancesResponse(instances=wanted)

    async def get(self, request: pb.GetInstanceRequest, _: ServicerContext) -> pb.Instance:
        """One instance."""
        return present.instance(self._fleet, await self._known(request.id))

    async def kill(self, request: pb.KillRequest, _: ServicerContext) -> pb.KillResponse:
        """End it, and with it its session and its children."""
        name = await self._known(request.id)
        if len(request.reason) > _LONGEST_REASON:
            raise invalid(f"cannot give a reason of {len(request.reason)} characters: {_LONGEST_REASON} at most")
        reason = request.reason or f"killed by {request.by or 'an administrator'}"

        def decide(draft: Draft) -> bool:
            if name in self._fleet.kills or name not in self._fleet.instances:
                return False
            home = host_of(name)
            key = self._keys.desired_instance(home, name)
            draft.require(Present(self._keys.instance(home, name)))
            draft.require(Absent(key))
            draft.put(key, KillRequest(reason, KillKind.KILLED, request.by, round(time.time(), 3)))
            return True

        if await self._writer.write(decide) is None:
            raise unmet(f"cannot kill {name}: it is being ended already")
        return pb.KillResponse()

    async def list_bindings(self, request: pb.ListBindingsRequest, _: ServicerContext) -> pb.ListBindingsResponse:
        """All bonds."""
        found = sorted((*pair(name), row.record.at) for name, row in self._fleet.bindings.items())
        return pb.ListBindingsResponse(bindings=[present.binding(*each) for each in found])

    async def _known(self, name: str) -> str:
        await self._writer.learn(name)
        if name not in self._fleet.instances:
            raise not_found(f"cannot find instance {shown(name)}: see waypointctl get instances")
        return name
