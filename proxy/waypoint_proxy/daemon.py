"""The composition root: builds the parts, gives each loop an owner, and meets systemd."""

from __future__ import annotations

import asyncio
import functools
import logging
import secrets
import socket

from waypoint_core import config, log, service
from waypoint_core.etcd import EtcdRegistry
from waypoint_core.hold import Ended
from waypoint_core.keys import Keys, check_host_name
from waypoint_core.model import ProxyAlive
from waypoint_core.registry import Registry
from waypoint_core.settings import Settings
from waypoint_proxy import browser
from waypoint_proxy.announce import Announcement
from waypoint_proxy.claim import Claimer
from waypoint_proxy.edge import Edge
from waypoint_proxy.holds import Holds
from waypoint_proxy.keep import Keeper, follow
from waypoint_proxy.reserve import Reserve
from waypoint_proxy.route import Table
from waypoint_proxy.sessions import Sessions, ending_of

_BACKLOG = 4096
_SOCKET_NAME = "cdp"
logger = logging.getLogger("waypoint.proxy")


class Proxy:
    """All parts of one proxy, on a registry."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._keys = Keys(settings.etcd.prefix)
        self._holds = Holds(settings.host.hold_socket, self._ended)
        self._table = Table(self._keys, check_host_name(settings.host.name))
        self.reserve = Reserve()
        self.sessions = Sessions(self._holds, settings.proxy.session_grace)
        name = check_host_name(settings.proxy.name)
        connect = functools.partial(browser.connect, timeout=settings.proxy.browser_timeout)
        claimer = Claimer(registry, self._keys, self._table, self._holds, connect=connect, proxy=name)
        self._keeper = Keeper(settings.proxy, self._table, self.reserve, claimer, self._holds)
        self.edge = Edge(settings.proxy, self.reserve, self.sessions, self._keeper.explain)

    async def run(self, listeners: list[socket.socket]) -> None:
        """Serve these listening sockets until cancelled."""
        settings = self._settings
        key = self._keys.proxy(settings.proxy.name)
        alive = ProxyAlive(secrets.token_hex(8), settings.host.name, _address(listeners[0]))
        loops = {
            "holds": self._holds.run(),
            "table": follow(self._registry, self._keys.prefix, self._table, self.reserve),
            "keeper": self._keeper.run(),
            "presence": Announcement(self._registry, key, alive, settings.etcd.lease_ttl).run(),
            **{f"edge {_address(listener)}": self.edge.serve(listener) for listener in listeners},
        }
        try:
            async with asyncio.TaskGroup() as group:
                for name, loop in loops.items():
                    group.create_task(loop, name=name)
        finally:
            self.reserve.clear()

    def _ended(self, ended: Ended) -> None:
        if self.sessions.instance_ended(ended):
            return
        if self.reserve.drop(ended.instance):
            logger.info("reserved %s is gone: %s", ended.instance, ending_of(ended).reason)


async def serve(settings: Settings) -> None:
    """Run the proxy of these settings until cancelled."""
    log.configure(settings.log.level)
    listeners = service.passed_sockets().get(_SOCKET_NAME) or [_bind(settings.proxy.listen)]
    supervisor = service.Supervisor()
    async with EtcdRegistry.connect(settings.etcd) as registry, asyncio.TaskGroup() as group:
        group.create_task(Proxy(settings, registry).run(listeners), name="proxy")
        group.create_task(supervisor.feed_watchdog(), name="watchdog")
        where = ", ".join(map(_address, listeners))
        supervisor.ready(f"serving CDP on {where}")
        logger.info("serving CDP on %s", where)


def main() -> None:
    """`waypoint-proxy`."""
    config.daemon_command("waypoint-proxy", lambda settings: service.run(serve(settings)))()


def _bind(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, int(port)), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


def _address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
