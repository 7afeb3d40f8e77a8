"""Addresses as host:port, an IPv6 host in brackets: taken apart, put together, and as others see them."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

from waypoint_core.errors import ConfigError
from waypoint_core.etcd.targets import targets
from waypoint_core.settings import Settings


def split(address: str) -> tuple[str, int]:
    """Host, without brackets, and port. ConfigError when it is not host:port."""
    host, _, port = address.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host.startswith("[") and host.endswith("]")
    if not bare or not port.isdecimal() or int(port) > 65535 or bracketed != (":" in bare):
        raise ConfigError(f"cannot use address {address!r}: it is not host:port, with an IPv6 host in brackets")
    return bare, int(port)


def joined(host: str, port: int) -> str:
    """host:port, an IPv6 host in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host, or a peer's address, is this machine's loopback."""
    if host == "localhost":
        return True
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        return (mapped or address).is_loopback
    return False


def advertised(listen: str, settings: Settings) -> str:
    """The host:port by which others reach a listening address.

    A wildcard becomes host.address, or else the local address that leads to etcd. ConfigError when there is none.
    """
    host, port = split(listen)
    if not _is_wildcard(host):
        return listen
    given = settings.host.address.removeprefix("[").removesuffix("]")
    return joined(given or _towards(targets(settings.etcd)[0].address), port)


def _is_wildcard(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return False


def _towards(destination: str) -> str:
    """The local address from which this machine reaches a destination; nothing is sent."""
    host, port = split(destination)
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise ConfigError(
            f"cannot tell by which address others reach this host: no way to {destination} ({error}); set host.address"
        ) from error
