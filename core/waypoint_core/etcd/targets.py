"""Which endpoints the settings name, and whether the settings make sense together."""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_core.errors import ConfigError
from waypoint_core.settings import EtcdSettings


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint: `host:port`, and whether it speaks TLS."""

    address: str
    tls: bool


def targets(settings: EtcdSettings) -> tuple[Target, ...]:
    """The endpoints, written `http://host:port`, `https://host:port` or `host:port`.

    Without a scheme, TLS is used when a CA or a certificate is given. ConfigError when the settings contradict
    each other.
    """
    certificates = bool(settings.ca_file or settings.cert_file)
    if not settings.endpoints:
        raise ConfigError("cannot reach etcd: no endpoint is given")
    if bool(settings.cert_file) != bool(settings.key_file):
        raise ConfigError("cannot sign in to etcd by certificate: certificate and key go together")
    if bool(settings.username) != bool(settings.password_file):
        raise ConfigError("cannot sign in to etcd by password: user name and password file go together")
    found = tuple(_target(endpoint, tls=certificates) for endpoint in settings.endpoints)
    for target in found:
        if certificates and not target.tls:
            raise ConfigError(f"cannot use certificates with etcd at http://{target.address}: use https://")
    return found


def _target(endpoint: str, *, tls: bool) -> Target:
    scheme, separator, address = endpoint.strip().rstrip("/").rpartition("://")
    host, colon, port = address.rpartition(":")
    if (separator and scheme not in {"http", "https"}) or not (host and colon and port.isdecimal()):
        raise ConfigError(f"cannot use etcd endpoint {endpoint!r}: it is not http(s)://host:port")
    return Target(address, scheme == "https" if separator else tls)
