"""The fleet's certificates, as what the standard library and gRPC want of them.

Files are read once, when one of these is called: a daemon with new certificates is restarted. Every ConfigError names
the file and what is wrong with it.
"""

from __future__ import annotations

import datetime
import re
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from waypoint_core import address
from waypoint_core.errors import ConfigError
from waypoint_core.settings import TlsSettings
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
    _load_identity(context, settings)
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
        _load_identity(context, settings)
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
    return grpc.ssl_channel_credentials(
        root_certificates=_authority(settings.ca_file).encode() if settings.ca_file else None,
        private_key=identity.key.encode() if identity else None,
        certificate_chain=identity.chain.encode() if identity else None,
    )


def expires(path: str | Path) -> datetime.datetime:
    """When the certificate in this file, the first where there are several, ends. ConfigError when it has none."""
    return _validity(str(path), _certificates(str(path))[0])[1]


def is_loopback(listen: str) -> bool:
    """Whether only this machine can reach a listening address, host:port."""
    return address.is_loopback(address.split(listen)[0])


def _identity(settings: TlsSettings) -> _Identity | None:
    """Certificate and key, checked; None when there are none."""
    if bool(settings.cert_file) != bool(settings.key_file):
        raise ConfigError("cannot use TLS: tls.cert_file and tls.key_file go together")
    if not settings.cert_file:
        return None
    own = _certificates(settings.cert_file)
    _check_time(settings.cert_file, own[0])
    key = _text(settings.key_file, "key")
    if not _KEY.search(key):
        raise ConfigError(f"cannot use key {settings.key_file}: it is not a PEM file with a private key")
    _load_identity(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), settings)
    return _Identity("\n".join(own), key)


def _load_identity(context: ssl.SSLContext, settings: TlsSettings) -> None:
    try:
        # An empty password, since OpenSSL would ask at the terminal for that of an encrypted key.
        context.load_cert_chain(settings.cert_file, settings.key_file, password="")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None)
        if reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"}:
            raise ConfigError(
                f"cannot use key {settings.key_file}: it does not belong to the certificate {settings.cert_file}"
            ) from error
        raise ConfigError(
            f"cannot use certificate {settings.cert_file} with key {settings.key_file}: "
            f"{reason or 'one is damaged, or the key is encrypted'}"
        ) from error


def _load_authority(context: ssl.SSLContext, path: str) -> None:
    try:
        context.load_verify_locations(cadata=_authority(path))
    except ssl.SSLError as error:
        raise ConfigError(f"cannot use certificate {path}: it is damaged ({error.reason})") from error


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
