"""waypoint-controlplane: where its parts are put together."""

from __future__ import annotations

import asyncio
import logging
import secrets

from prometheus_client import CollectorRegistry

from waypoint_controlplane import discovery
from waypoint_controlplane.api import waypoint_pb2
from waypoint_controlplane.duty import Duty
from waypoint_controlplane.events import Chronicle
from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.follow import Follower
from waypoint_controlplane.measure import LeaderMetrics
from waypoint_controlplane.observe import healthz
from waypoint_controlplane.peers import Peers
from waypoint_controlplane.serve.administration import Administration
from waypoint_controlplane.serve.hosts import Hosts
from waypoint_controlplane.serve.instances import Instances
from waypoint_controlplane.serve.manager import InstanceManager
from waypoint_controlplane.serve.posted import Posted
from waypoint_controlplane.serve.server import Server, Service
from waypoint_controlplane.serve.sessions import Sessions
from waypoint_core import config, metrics, service
from waypoint_core.address import advertised
from waypoint_core.announce import Announcement
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.metrics import EtcdMetrics
from waypoint_core.keys import Keys, check_host_name
from waypoint_core.log import configure
from waypoint_core.model import Member
from waypoint_core.registry import Registry
from waypoint_core.settings import Settings
from waypoint_core.status import endpoint
from waypoint_core.status.client import StatusClient
from waypoint_core.tls import client_context

log = logging.getLogger("waypoint.controlplane")


class ControlPlane:
    """All parts of one control plane, on a registry of the caller's."""

    def __init__(self, settings: Settings, registry: Registry, collectors: CollectorRegistry) -> None:
        own = settings.controlplane
        keys = Keys(settings.etcd.prefix)
        check_host_name(own.name)
        self._settings = settings
        self._registry = registry
        self._collectors = collectors
        self._keys = keys
        self.follower = Follower(registry, Fleet(keys))
        self._chronicle = Chronicle(self.follower)
        client = StatusClient(client_context(settings.tls))
        self._duty = Duty(
            own,
            registry,
            self.follower,
            keys,
            probe=healthz(client, own.probe_timeout),
            metrics=LeaderMetrics(collectors, self.follower.fleet),
        )
        services = self._services(Peers(self.follower.fleet, client))
        self.server = Server(own.listen, settings.tls, services, collectors, self.follower.listed)

    async def run(self, supervisor: service.Supervisor) -> None:
        """Until cancelled, and then hand over what it leads. ConfigError when it cannot serve as it is told to."""
        settings = self._settings
        tls = bool(settings.tls.cert_file)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.server.serve(), name="gRPC")
            group.create_task(self.follower.run(), name="follow")
            group.create_task(self._chronicle.run(), name="events")
            await self.server.started.wait()
            group.create_task(
                endpoint.serve(
                    settings,
                    settings.controlplane.status_listen,
                    self._collectors,
                    lambda address: None,
                    public={discovery.DISCOVERY: discovery.route(self.follower.fleet, tls=tls)},
                ),
                name="status",
            )
            group.create_task(supervisor.feed_watchdog(), name="watchdog")
            await self.follower.listed()
            group.create_task((await self._announcement()).run(), name="presence")
            group.create_task(self._duty.run(), name="duty")
            supervisor.ready(f"gRPC at {self.server.address}")

    def _services(self, peers: Peers) -> list[Service]:
        settings, registry, follower, keys = self._settings, self._registry, self.follower, self._keys
        posted = Posted(follower.fleet, self._collectors)
        manager = InstanceManager(registry, follower, posted, settings.controlplane.beat_ttl)
        ours = {
            "Hosts": Hosts(registry, follower, keys),
            "Instances": Instances(registry, follower, keys),
            "Sessions": Sessions(registry, follower, keys, peers, settings),
            "Fleet": Administration(
                registry, follower, keys, peers=peers, chronicle=self._chronicle, name=settings.controlplane.name
            ),
        }
        described = waypoint_pb2.DESCRIPTOR.services_by_name
        return [*manager.services(), *((described[name], served) for name, served in ours.items())]

    async def _announcement(self) -> Announcement:
        own = self._settings.controlplane
        # To look an address up may take as long as a broken resolver takes.
        address, status = [
            await asyncio.to_thread(advertised, listen, self._settings)
            for listen in (self.server.address, own.status_listen)
        ]
        member = Member(secrets.token_hex(8), address, status)
        return Announcement(self._registry, self._keys.member(own.name), member, own.lease_ttl)


async def serve(settings: Settings) -> None:
    """Run the control plane of these settings until cancelled."""
    supervisor = service.Supervisor()
    collectors = metrics.fresh("controlplane")
    async with EtcdRegistry.connect(settings.etcd, EtcdMetrics(collectors)) as registry:
        try:
            await ControlPlane(settings, registry, collectors).run(supervisor)
        finally:
            supervisor.stopping()


def main() -> None:
    """The command."""

    def run(settings: Settings) -> None:
        configure(settings.log.level)
        service.run(serve(settings))

    config.daemon_command("waypoint-controlplane", run)()
