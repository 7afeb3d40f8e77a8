"""The proxy's listening sockets: systemd's or its own, and what others are told of them."""

from __future__ import annotations

import logging
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace

from waypoint_core import service
from waypoint_core.address import advertised, joined, split
from waypoint_core.errors import ConfigError
from waypoint_core.model import ProxyAlive
from waypoint_core.settings import Settings

_BACKLOG = 4096
log = logging.getLogger("waypoint.proxy")


@dataclass(frozen=True, slots=True)
class Listeners:
    """Those of each edge; of CDP there is at least one."""

    cdp: Sequence[socket.socket]
    tzafonwright: Sequence[socket.socket] = ()

    @classmethod
    def of(cls, settings: Settings) -> Listeners:
        """A socket unit that is disabled closes its edge; without systemd, both are there."""
        passed = service.passed_sockets()
        cdp = passed.get("cdp") or [_bound(settings.proxy.listen)]
        if passed:
            return cls(cdp, passed.get("tzafonwright", []))
        return cls(cdp, [_bound(settings.proxy.tzafonwright_listen)])

    def __str__(self) -> str:
        edges = {"CDP": self.cdp, "tzafonwright": self.tzafonwright}
        return ", ".join(f"{name} on {address_of(each)}" for name, ours in edges.items() for each in ours)

    def alive(self, settings: Settings) -> ProxyAlive:
        """What the registry is to say of this proxy; may take as long as a resolver takes."""
        alive = ProxyAlive(
            secrets.token_hex(8),
            settings.host.name,
            _told(address_of(self.cdp[0]), settings),
            _told(settings.proxy.status_listen, settings),
            settings.proxy.direct_port,
        )
        if not self.tzafonwright:
            return alive
        edge, server = address_of(self.tzafonwright[0]), settings.host.tzafonwright_status
        return replace(
            alive, tzafonwright=_told(edge, settings), tzafonwright_status=server and _told(server, settings)
        )


def address_of(listener: socket.socket) -> str:
    """Its own, as host:port."""
    host, port, *_ = listener.getsockname()
    return joined(host, port)


def _told(listen: str, settings: Settings) -> str:
    try:
        return advertised(listen, settings)
    except ConfigError as error:
        log.warning("%s; until then others are told %s", error, listen)
        return listen


def _bound(address: str) -> socket.socket:
    host, port = split(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener
