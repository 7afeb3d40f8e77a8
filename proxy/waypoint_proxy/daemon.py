"""The composition root: builds the parts, gives each loop an owner, and meets systemd."""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from waypoint_core import config, log, metrics, service
from waypoint_core.announce import Announcement
from waypoint_core.codec import encode
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.etcd.metrics import EtcdMetrics
from waypoint_core.hold import Ended
from waypoint_core.keys import Keys, check_host_name
from waypoint_core.model import ClaimKind
from waypoint_core.registry import Registry
from waypoint_core.settings import Settings
from waypoint_core.status import endpoint
from waypoint_core.status.reports import SESSIONS
from waypoint_core.status.routes import Request, Response
from waypoint_proxy import browser, manners
from waypoint_proxy.assigned import Assigned
from waypoint_proxy.cdp import Cdp
from waypoint_proxy.claim import Claimer
from waypoint_proxy.driver import Driver
from waypoint_proxy.edge import Edge, Service
from waypoint_proxy.endings import Ending, ending_of
from waypoint_proxy.holds import Holds
from waypoint_proxy.keep import Keeper
from waypoint_proxy.listeners import Listeners, address_of
from waypoint_proxy.metrics import Metrics
from waypoint_proxy.pump import Pump
from waypoint_proxy.queue import Queue
from waypoint_proxy.relay import relaying
from waypoint_proxy.reserve import Reserve
from waypoint_proxy.route import Table
from waypoint_proxy.sessions import Session, Sessions
from waypoint_proxy.tunnel import Tunnel
from waypoint_proxy.tzafonwright import Tzafonwright

logger = logging.getLogger("waypoint.proxy")


class Proxy:
    """All parts of one proxy, on a registry."""

    def __init__(self, settings: Settings, registry: Registry, collectors: CollectorRegistry) -> None:
        name = check_host_name(settings.proxy.name)
        keys = Keys(settings.etcd.prefix)
        self._settings = settings
        self._registry = registry
        self._collectors = collectors
        self._keys = keys
        self._metrics = Metrics(collectors)
        self._moved = (0, 0)
        self._holds = Holds(settings.host.hold_socket, self._ended)
        self._table = Table(keys, check_host_name(settings.host.name), name)
        self.reserve = Reserve()
        self.sessions = Sessions(self._holds, settings.proxy.session_grace, self._session_ended)
        connect = functools.partial(browser.connect, timeout=settings.proxy.browser_timeout)
        claimer = Claimer(registry, keys, self._table, self._holds, connect=connect, proxy=name, metrics=self._metrics)
        self._keeper = Keeper(settings.proxy, self._table, self.reserve, claimer, self._holds)
        self.edge = Edge(settings.proxy, self._metrics)
        queue = Queue(self.reserve, self._keeper.explain, self._metrics)
        self._pump = Pump()
        tunnel = functools.partial(Tunnel, settings.proxy, queue, self.sessions, pump=self._pump, metrics=self._metrics)
        self._cdp = Cdp(settings.proxy, queue, self.sessions, tunnel(kind=ClaimKind.CDP, manners=manners.at_cdp))
        driver = Driver(settings.host.tzafonwright_socket, settings.proxy.attach_timeout)
        self._tzafonwright = Tzafonwright(driver, tunnel(kind=ClaimKind.TZAFONWRIGHT, manners=manners.at_tzafonwright))
        self._assigned = Assigned(
            registry,
            keys,
            self._table,
            self._holds,
            proxy=name,
            reserve=self.reserve,
            sessions=self.sessions,
            serve={
                "cdp": lambda listener, session: self.edge.serve(listener, self._cdp, session),
                "tzafonwright": lambda listener, session: self.edge.serve(listener, self._tzafonwright, session),
            },
            open_timeout=settings.proxy.open_timeout,
        )
        self._metrics.gauges(
            sessions=lambda: sum(1 for _ in self.sessions.live()),
            connections=lambda: self.edge.connections,
            waiting=lambda: self.reserve.waiting,
            reserve=lambda: len(self.reserve),
            target=lambda: self._keeper.target,
            stale=self._stale,
            moved=self._bytes,
        )

    async def run(self, listeners: Listeners) -> None:
        """Serve these until cancelled."""
        settings, keys = self._settings, self._keys
        alive = await asyncio.to_thread(listeners.alive, settings)
        announcement = Announcement(self._registry, keys.proxy(settings.proxy.name), alive, settings.etcd.lease_ttl)
        status = endpoint.serve(
            settings,
            settings.proxy.status_listen,
            self._collectors,
            lambda address: None,
            private={SESSIONS: self._report},
        )
        loops = {
            "holds": self._holds.run(),
            "table": self._keeper.follow(self._registry, keys.prefix, self._assigned.poke),
            "keeper": self._keeper.run(),
            "assigned": self._assigned.run(alive, listeners.cdp[0].getsockname()[0]),
            "presence": announcement.run(),
            "status": status,
        }
        edges: tuple[tuple[Sequence[socket.socket], Service], ...] = (
            (listeners.cdp, self._cdp),
            (listeners.tzafonwright, self._tzafonwright),
        )
        for ours, serves in edges:
            loops |= {f"edge {address_of(each)}": self.edge.serve(each, serves) for each in ours}
        try:
            async with relaying(self._pump), asyncio.TaskGroup() as group:
                for name, loop in loops.items():
                    group.create_task(loop, name=name)
        finally:
            self.reserve.clear()

    async def _report(self, request: Request) -> Response:
        lines = [encode(report) for report in self.sessions.reports()]
        return Response(b"".join(line + b"\n" for line in lines), "application/x-ndjson")

    def _ended(self, ended: Ended) -> None:
        if self.sessions.instance_ended(ended):
            return
        if self.reserve.drop(ended.instance):
            logger.info("reserved %s is gone: %s", ended.instance, ending_of(ended).reason)

    def _session_ended(self, session: Session, ending: Ending) -> None:
        received, sent = session.traffic.totals
        self._moved = (self._moved[0] + received, self._moved[1] + sent)
        self._metrics.ended(session.kind, ending.end, session.lasted)

    def _bytes(self) -> tuple[int, int]:
        moved = [self._moved, *(session.traffic.totals for session in self.sessions.live())]
        return sum(received for received, _ in moved), sum(sent for _, sent in moved)

    def _stale(self) -> float:
        outage = self._table.outage
        return max(0.0, time.time() - outage.since) if outage else 0.0


async def serve(settings: Settings) -> None:
    """Run the proxy of these settings until cancelled."""
    log.configure(settings.log.level)
    listeners = Listeners.of(settings)
    supervisor = service.Supervisor()
    collectors = metrics.fresh("proxy")
    async with (
        EtcdRegistry.connect(settings.etcd, EtcdMetrics(collectors)) as registry,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(Proxy(settings, registry, collectors).run(listeners), name="proxy")
        group.create_task(supervisor.feed_watchdog(), name="watchdog")
        supervisor.ready(f"serving {listeners}")
        logger.info("serving %s", listeners)


def main() -> None:
    """`waypoint-proxy`."""
    config.daemon_command("waypoint-proxy", lambda settings: service.run(serve(settings)))()
