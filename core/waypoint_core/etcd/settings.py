"""Where the etcd cluster is, and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from waypoint_core import settings
from waypoint_core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint: `host:port`, and whether it speaks TLS."""

    address: str
    tls: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdSettings:
    """Endpoints are `http://host:port`, `https://host:port`, or `host:port`; times are seconds.

    ConfigError when the settings contradict each other.
    """

    endpoints: tuple[str, ...] = ("http://127.0.0.1:2379",)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    username: str | None = None
    password_file: Path | None = None
    attempt_timeout: float = 1.5
    call_timeout: float = 5.0

    @classmethod
    def of(cls, section: settings.EtcdSettings) -> Self:
        """The same from a daemon's settings, where an empty string stands for nothing."""
        return cls(
            endpoints=section.endpoints,
            ca_file=_path(section.ca_file),
            cert_file=_path(section.cert_file),
            key_file=_path(section.key_file),
            username=section.username or None,
            password_file=_path(section.password_file),
            attempt_timeout=section.attempt_timeout,
            call_timeout=section.call_timeout,
        )

    def __post_init__(self) -> None:
        if not self.endpoints:
            raise ConfigError("cannot reach etcd: no endpoint is given")
        if bool(self.cert_file) != bool(self.key_file):
            raise ConfigError("cannot sign in to etcd by certificate: certificate and key go together")
        if bool(self.username) != bool(self.password_file):
            raise ConfigError("cannot sign in to etcd by password: user name and password file go together")
        for target in self.targets():
            if (self.ca_file or self.cert_file) and not target.tls:
                raise ConfigError(f"cannot use certificates with etcd at http://{target.address}: use https://")

    def targets(self) -> tuple[Target, ...]:
        """The endpoints, parsed; without a scheme, TLS is used when a CA or a certificate is given."""
        return tuple(_target(endpoint, tls=bool(self.ca_file or self.cert_file)) for endpoint in self.endpoints)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _target(endpoint: str, *, tls: bool) -> Target:
    scheme, separator, address = endpoint.strip().rstrip("/").rpartition("://")
    host, colon, port = address.rpartition(":")
    if (separator and scheme not in {"http", "https"}) or not (host and colon and port.isdecimal()):
        raise ConfigError(f"cannot use etcd endpoint {endpoint!r}: it is not http(s)://host:port")
    return Target(address, scheme == "https" if separator else tls)
