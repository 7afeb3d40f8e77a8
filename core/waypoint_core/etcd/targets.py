"""Which endpoints the settings name, and whether the settings make sense together."""

from __future__ import annotations

from dataclasses import dataclass

from waypoint_core.address import split_endpoint
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
        raise ConfigError("cannot reach etcd: no endpoint is given; set etcd.endpoints")
    if bool(settings.cert_file) != bool(settings.key_file):
        raise ConfigError("cannot sign in to etcd by certificate: etcd.cert_file and etcd.key_file go together")
    if bool(settings.username) != bool(settings.password_file):
        raise ConfigError("cannot sign in to etcd by password: etcd.username and etcd.password_file go together")
    found = tuple(_target(endpoint, tls=certificates) for endpoint in settings.endpoints)
    for target in found:
        if certificates and not target.tls:
            raise ConfigError(
                f"cannot use certificates with etcd at http://{target.address}: use https:// in etcd.endpoints"
            )
    return found


def _target(endpoint: str, *, tls: bool) -> Target:
    scheme, address = split_endpoint(endpoint)
    return Target(address, scheme == "https" if scheme else tls)
