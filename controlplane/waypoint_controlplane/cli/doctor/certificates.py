"""Certificates can be read, fit their keys and their CA, and do not run out soon."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, warn
from waypoint_controlplane.cli.verb import Invocation
from waypoint_core.errors import ConfigError
from waypoint_core.tls import expires

_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Pair:
    """The files of one section of the settings."""

    section: str
    cert: str
    key: str
    ca: str


def check(invocation: Invocation) -> Iterator[Finding]:
    """Those of [tls] and of [etcd]."""
    tls, etcd = invocation.settings.tls, invocation.settings.etcd
    pairs = (
        Pair("tls", tls.cert_file, tls.key_file, tls.ca_file),
        Pair("etcd", etcd.cert_file, etcd.key_file, etcd.ca_file),
    )
    for pair in pairs:
        yield from examine(pair)
    if not any((pair.cert, pair.ca) != ("", "") for pair in pairs):
        yield ok("none are set: WayPoint serves loopback only")


def examine(pair: Pair) -> Iterator[Finding]:
    """One section's files."""
    unreadable = [finding for path in (pair.cert, pair.key, pair.ca) if path and (finding := _unreadable(path))]
    yield from unreadable
    if unreadable:
        return
    for path in filter(None, (pair.cert, pair.ca)):
        try:
            yield judge(path, expires(path), datetime.now(UTC))
        except ConfigError as error:
            yield fail(str(error), "issue it anew, as PEM")
            return
    if bool(pair.cert) != bool(pair.key):
        yield fail(f"of {pair.section}.cert_file and {pair.section}.key_file one is missing", "set both or none")
    elif pair.cert and (problem := mismatch(pair)):
        yield problem


def judge(path: str, end: datetime, now: datetime) -> Finding:
    """Pure."""
    day = f"{end:%Y-%m-%d}"
    if end <= now:
        return fail(f"{path} ran out on {day}", "issue it anew, and restart WayPoint's services")
    if end - now < _SOON:
        return warn(f"{path} runs out on {day}", "issue it anew, and restart WayPoint's services")
    return ok(f"{path} is valid until {day}")


def mismatch(pair: Pair) -> Finding | None:
    """Whether key or CA are of another certificate."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        server.load_cert_chain(pair.cert, pair.key)
    except ssl.SSLError:
        return fail(
            f"{pair.key} is not the key of {pair.cert}", f"set {pair.section}.key_file to the key it was issued for"
        )
    if pair.ca and (why := _distrust(server, pair.ca)):
        return fail(f"{pair.cert} is not signed by {pair.ca}: {why}", "use certificates of one CA throughout the fleet")
    return None


def _distrust(server: ssl.SSLContext, ca: str) -> str:
    """Why a client that trusts this CA would refuse: a handshake in memory; "" if it would not."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(ca)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(3):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return error.verify_message
    return ""


def _unreadable(path: str) -> Finding | None:
    try:
        Path(path).read_bytes()
    except PermissionError:
        return fail(f"{path} may not be read", "run this as root; daemons read it as members of the group waypoint-tls")
    except OSError as error:
        return fail(f"{path} cannot be read: {error.strerror}", "put it there, or correct the settings")
    return None
