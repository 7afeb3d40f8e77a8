"""The fleet's certificates and those for etcd, as what the standard library and gRPC want of them.

Files are read once, when one of these is called: a daemon with new certificates is restarted. Every ConfigError names
the file and what is wrong with it.
"""

from __future__ import annotations

import datetime
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from waypoint_core import address
from waypoint_core.errors import ConfigError
from waypoint_core.settings import EtcdSettings, TlsSettings
from waypoint_core.validity import validity

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")


@dataclass(frozen=True, slots=True)
class _Identity:
    """A certificate chain and its key, as PEM."""

    chain: str
    key: str


def server_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """For the status endpoint; None without certificates.

    With ca_file a client may present a certificate; one that the CA did not sign is turned away.
    """
    if _identity(settings) is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_pair(context, settings.cert_file, settings.key_file)
    if settings.ca_file:
        _load_authority(context, settings.ca_file)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """For asking status endpoints; None without certificates. Without ca_file the system's authorities are trusted."""
    identity = _identity(settings)
    if identity is None and not settings.ca_file:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if identity:
        _load_pair(context, settings.cert_file, settings.key_file)
    if settings.ca_file:
        _load_authority(context, settings.ca_file)
    else:
        context.load_default_certs()
    return context


def server_credentials(settings: TlsSettings) -> grpc.ServerCredentials | None:
    """For serving gRPC; None without certificates. With ca_file clients must present a certificate that it signed."""
    identity = _identity(settings)
    if identity is None:
        return None
    authority = _authority(settings.ca_file).encode() if settings.ca_file else None
    return grpc.ssl_server_credentials(
        [(identity.key.encode(), identity.chain.encode())],
        root_certificates=authority,
        require_client_auth=authority is not None,
    )


def channel_credentials(settings: TlsSettings) -> grpc.ChannelCredentials | None:
    """For calling gRPC; None without certificates. Without ca_file gRPC's own authorities are trusted."""
    identity = _identity(settings)
    if identity is None and not settings.ca_file:
        return None
    return _channel_credentials(identity, _authority(settings.ca_file) if settings.ca_file else None)


def etcd_credentials(settings: EtcdSettings) -> grpc.ChannelCredentials:
    """For calling etcd. ConfigError names the setting as well.

    Whether a certificate is valid now is left to the handshake: a daemon has much to do while etcd is out of reach.
    """
    with _named("etcd.ca_file"):
        authority = _undamaged(settings.ca_file) if settings.ca_file else None
    with _named("etcd.cert_file and etcd.key_file"):
        identity = _pair(settings.cert_file, settings.key_file) if settings.cert_file else None
    return _channel_credentials(identity, authority)


def expires(path: str | Path) -> datetime.datetime:
    """When the certificate in this file, the first where there are several, ends. ConfigError when it has none."""
    return _validity(str(path), _certificates(str(path))[0])[1]


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach a listening address, host:port."""
    return address.is_loopback(address.split(listen)[0])


@contextmanager
def _named(setting: str) -> Iterator[None]:
    try:
        yield
    except ConfigError as error:
        raise ConfigError(f"{error}; see {setting}") from error


def _channel_credentials(identity: _Identity | None, authority: str | None) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=authority.encode() if authority else None,
        private_key=identity.key.encode() if identity else None,
        certificate_chain=identity.chain.encode() if identity else None,
    )


def _identity(settings: TlsSettings) -> _Identity | None:
    """Certificate and key, checked; None when there are none."""
    if bool(settings.cert_file) != bool(settings.key_file):
        raise ConfigError("cannot use TLS: tls.cert_file and tls.key_file go together")
    if not settings.cert_file:
        return None
    _check_time(settings.cert_file, _certificates(settings.cert_file)[0])
    return _pair(settings.cert_file, settings.key_file)


def _pair(cert_file: str, key_file: str) -> _Identity:
    """Certificate and key that belong together; valid now or not."""
    own = _certificates(cert_file)
    key = _text(key_file, "key")
    if not _KEY.search(key):
        raise ConfigError(f"cannot use key {key_file}: it is not a PEM file with a private key")
    _load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), cert_file, key_file)
    return _Identity("\n".join(own), key)


def _load_pair(context: ssl.SSLContext, cert_file: str, key_file: str) -> None:
    try:
        # An empty password, since OpenSSL would ask at the terminal for that of an encrypted key.
        context.load_cert_chain(cert_file, key_file, password="")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None)
        if reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
            raise ConfigError(
                f"cannot use key {key_file}: it does not belong to the certificate {cert_file}"
            ) from error
        raise ConfigError(
            f"cannot use certificate {cert_file} with key {key_file}: "
            f"{reason or 'one is damaged, or the key is encrypted'}"
        ) from error


def _load_authority(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cadata=_authority(path))
    except ssl.SSLError as error:
        raise ConfigError(f"cannot use certificate {path}: it is damaged ({error.reason})") from error


def _undamaged(path: str) -> str:
    """The CA's certificates, valid now or not."""
    found = _certificates(path)
    for each in found:
        _validity(path, each)
    return "\n".join(found)


def _authority(path: str) -> str:
    """The CA's certificates, of which one at least is valid now."""
    found = _certificates(path)
    last = max(found, key=lambda each: _validity(path, each)[1])
    _check_time(path, last)
    return "\n".join(found)


def _certificates(path: str) -> list[str]:
    found = _CERTIFICATE.findall(_text(path, "certificate"))
    if not found:
        raise ConfigError(f"cannot use certificate {path}: it is not a PEM file with a certificate")
    return found


def _check_time(path: str, pem: str) -> None:
    begin, end = _validity(path, pem)
    now = datetime.datetime.now(datetime.UTC)
    if now > end:
        raise ConfigError(f"cannot use certificate {path}: it expired on {end:%Y-%m-%d %H:%M} UTC")
    if now < begin:
        raise ConfigError(f"cannot use certificate {path}: it is not valid before {begin:%Y-%m-%d %H:%M} UTC")


def _validity(path: str, pem: str) -> tuple[datetime.datetime, datetime.datetime]:
    try:
        return validity(pem)
    except ValueError as error:
        raise ConfigError(f"cannot use certificate {path}: it is damaged ({error})") from error


def _text(path: str, what: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise ConfigError(f"cannot read {what} {path}: {error.strerror}") from error
