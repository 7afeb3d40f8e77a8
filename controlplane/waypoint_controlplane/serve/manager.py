"""The instance manager's four services. What they may be asked is in `registration`, what that means in `change`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from google.protobuf.descriptor import FileDescriptor
from grpc.aio import ServicerContext

from waypoint_controlplane.api import instance_manager_pb2 as pb
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.serve import change, registration
from waypoint_controlplane.serve.describe import described, milliseconds
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import not_found, shown
from waypoint_controlplane.serve.living import listed
from waypoint_controlplane.serve.posted import Posted
from waypoint_controlplane.serve.rules import checked_id, is_browser
from waypoint_controlplane.serve.server import Service
from waypoint_controlplane.serve.settle import attempt, settle
from waypoint_controlplane.serve.subscription import Subscription
from waypoint_controlplane.serve.updates import Updates
from waypoint_controlplane.serve.write import Writer
from waypoint_core.codec import encode
from waypoint_core.errors import LeaseLost, RegistryError
from waypoint_core.keys import REGISTERED
from waypoint_core.model import Beat
from waypoint_core.registry import Absent, Present, Put, Registry


class InstanceManager:
    """Implements all four; beat_ttl is for how many seconds a heartbeat counts."""

    def __init__(self, registry: Registry, follower: Follower, posted: Posted, beat_ttl: float) -> None:
        self._registry = registry
        self._follower = follower
        self._fleet = follower.fleet
        self._writer = Writer(registry, follower)
        self._posted = posted
        self._beat_ttl = beat_ttl

    def services(self) -> Sequence[Service]:
        """What a server needs to serve them."""
        file: FileDescriptor = pb.DESCRIPTOR
        return [(service, self) for service in file.services_by_name.values()]

    # TryService

    async def try_add_instance(self, request: pb.InstanceDescription, _: ServicerContext) -> pb.Bool:
        """Register an instance."""
        wanted = registration.to_add(request)
        for other in filter(None, (wanted.parent, *wanted.children)):
            await self._known(other)
        if not change.add(Draft(self._fleet, time.time()), wanted, 0):
            return pb.Bool(value=False)
        lease = await self._registry.grant(self._beat_ttl)
        return await self._change(lambda draft: change.add(draft, wanted, lease))

    async def try_update_instance_description(self, request: pb.InstanceDescription, _: ServicerContext) -> pb.Bool:
        """Take a heartbeat, change what is bound to it, end it."""
        wanted = registration.to_update(request)
        await self._known(wanted.id)
        for intent in wanted.intents:
            for other in _others(intent):
                await self._known(other)
        done = await self._change(lambda draft: change.update(draft, wanted))
        if done.value and any(isinstance(intent, registration.Heartbeat) for intent in wanted.intents):
            return pb.Bool(value=await self._beat(wanted.id))
        return done

    # SubscribeService

    async def subscribe_to_instance_updates(
        self, request: pb.AllInstancesQuery, context: ServicerContext
    ) -> AsyncIterator[pb.InstanceUpdate]:
        """Tell what happens to instances of a type."""
        kind = registration.to_query(request)
        subscription = Subscription(Updates(self._fleet, kind))
        with subscription.following(self._follower):
            # Who waits for this knows that nothing is missing from here on.
            await context.send_initial_metadata(())
            while True:
                update = await subscription.next()
                yield pb.InstanceUpdate(
                    timestamp_ms=milliseconds(time.time()),
                    instance_id=pb.InstanceId(instance_id=update.instance),
                    instance_type=kind.name,
                    event_type=update.event,
                )

    # PostService

    async def post_instance_description(self, request: pb.InstanceDescription, _: ServicerContext) -> pb.Bool:
        """Keep an instance's metrics."""
        instance, kind = registration.to_post(request)
        await self._known(instance)
        change.check_type(self._fleet, instance, kind)
        if instance in self._fleet.kills:
            return pb.Bool(value=False)
        self._posted.keep(instance, request, milliseconds(time.time()).timestamp_ms)
        return pb.Bool(value=True)

    # GetService

    async def get_all_instances(self, request: pb.AllInstancesQuery, _: ServicerContext) -> pb.AllInstancesResponse:
        """List the healthy instances of a type."""
        names = sorted(listed(self._fleet, registration.to_query(request)))
        return pb.AllInstancesResponse(instance_ids=[pb.InstanceId(instance_id=name) for name in names])

    async def get_instance(self, request: pb.InstanceId, _: ServicerContext) -> pb.InstanceDescription:
        """Describe one instance."""
        instance = checked_id(request.instance_id, "instance_id")
        await self._known(instance)
        healthy = await self._healthy_at(instance)
        await self._known(instance)
        description = described(self._fleet, instance)
        if healthy:
            description.health_check.timestamp_ms.CopyFrom(milliseconds(healthy))
        self._posted.show(instance, description)
        return description

    async def _change(self, decide: change.Decide) -> pb.Bool:
        done = await self._writer.write(decide)
        if done is None:
            return pb.Bool(value=False)
        made = attempt(self._fleet, done)
        return pb.Bool(value=made is None or await settle(self._writer, made))

    async def _known(self, instance: str) -> None:
        """NOT_FOUND unless it is registered."""
        if not await self._writer.learn(instance):
            raise not_found(f"cannot find instance {shown(instance)}: it is not registered, or died some time ago")

    async def _beat(self, instance: str) -> bool:
        """Count the time of a heartbeat anew; one that had run out begins again, unless the instance is dead."""
        if is_browser(instance):
            return True
        beat = self._fleet.beats.get(instance)
        if beat and beat.lease:
            with suppress(LeaseLost):
                await self._registry.renew(beat.lease)
                return instance not in self._fleet.kills
        keys = self._fleet.keys
        lease = await self._registry.grant(self._beat_ttl)
        living = (
            Present(keys.instance(REGISTERED, instance)),
            Absent(keys.desired_instance(REGISTERED, instance)),
        )
        outcome = await self._registry.transact(living, (Put(keys.beat(instance), encode(Beat(time.time())), lease),))
        await self._writer.catch_up(outcome.revision)
        return outcome.succeeded

    async def _healthy_at(self, instance: str) -> float:
        """When it was last known to be healthy; 0.0: it is not, or nobody can tell."""
        if instance in self._fleet.kills or self._fleet.is_stale(instance):
            return 0.0
        if is_browser(instance):
            return time.time()
        with suppress(RegistryError):
            remaining = await self._registry.remaining(self._fleet.beats[instance].lease)
            # It is told in whole seconds, rounded down: better young than taken for stale.
            return time.time() - max(0.0, self._beat_ttl - remaining - 1)
        return 0.0


def _others(intent: registration.Intent) -> Sequence[str]:
    """The instances that an intent names."""
    match intent:
        case registration.SetParent(parent=parent):
            return (parent,)
        case registration.AddChildren(children=children):
            return children
        case _:
            return ()
