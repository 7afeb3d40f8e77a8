"""Addresses as host:port, an IPv6 host in brackets, and URLs of them: taken apart, put together, as others see them."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from contextlib import suppress

from waypoint_core.errors import ConfigError
from waypoint_core.settings import ADDRESS, ENDPOINT, Settings

_HOST = re.compile(r"[^\s/@\[\]]+")
_PORT = re.compile(r"[0-9]{1,5}")


def split(address: str) -> tuple[str, int]:
    """Host, without brackets, and port. ConfigError when it is not host:port."""
    host, _, port = address.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    bare = host[1:-1] if bracketed else host
    is_host = _HOST.fullmatch(bare) and bracketed == (":" in bare)
    if not is_host or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ConfigError(f"cannot use address {address!r}: it is not {ADDRESS}")
    return bare, int(port)


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Scheme, empty without one, and host:port of an endpoint of etcd's. ConfigError when it is none."""
    scheme, separator, address = endpoint.strip().rstrip("/").rpartition("://")
    try:
        port = split(address)[1]
    except ConfigError:
        port = 0
    if not port or (separator and scheme not in {"http", "https"}):
        raise ConfigError(f"cannot use {endpoint!r} of etcd.endpoints: it is not {ENDPOINT}")
    return scheme, address


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
    return joined(given or _towards(settings.etcd.endpoints), port)


def _is_wildcard(host: str) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return False


def _towards(endpoints: Sequence[str]) -> str:
    """The local address from which this machine reaches the first endpoint; nothing is sent."""
    _, destination = split_endpoint(next(iter(endpoints), ""))
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
