"""etcd's members, asked over HTTP: that needs no user of etcd's, and tells the time as well."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from waypoint_core.errors import ConfigError
from waypoint_core.etcd.targets import Target, targets
from waypoint_core.settings import EtcdSettings
from waypoint_core.tls import etcd_credentials


@dataclass(frozen=True, slots=True)
class Member:
    """One member's answer. error: why there is none; ahead: seconds by which its clock is before ours, if it told."""

    address: str
    error: str = ""
    version: str = ""
    unhealthy: str = ""
    ahead: float | None = None


def members(settings: EtcdSettings) -> list[Member]:
    """All that the settings name, asked one after the other."""
    named = targets(settings)
    try:
        context = _context(settings)
    except (ConfigError, OSError) as error:
        return [Member(target.address, error=str(error)) for target in named]
    return [_ask(target, context, settings.attempt_timeout) for target in named]


def _ask(target: Target, context: ssl.SSLContext, patience: float) -> Member:
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(target.address, timeout=patience, context=context)
        if target.tls
        else http.client.HTTPConnection(target.address, timeout=patience)
    )
    try:
        sent = time.time()
        connection.request("GET", "/version")
        answer = connection.getresponse()
        ahead = _ahead(answer.getheader("Date"), (sent + time.time()) / 2)
        version = str(json.loads(answer.read())["etcdserver"])
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        return Member(target.address, error=str(error) or type(error).__name__)
    finally:
        connection.close()
    healthy = str(health.get("health")) == "true"
    return Member(
        target.address,
        version=version,
        unhealthy="" if healthy else str(health.get("reason") or "unhealthy"),
        ahead=ahead,
    )


def _ahead(date: str | None, now: float) -> float | None:
    """HTTP dates are whole seconds, cut off."""
    return parsedate_to_datetime(date).timestamp() + 0.5 - now if date else None


def _context(settings: EtcdSettings) -> ssl.SSLContext:
    """ConfigError or OSError when a file is not what its setting says."""
    etcd_credentials(settings)
    context = ssl.create_default_context(cafile=settings.ca_file or None)
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file or None)
    return context
