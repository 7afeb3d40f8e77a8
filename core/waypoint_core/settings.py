"""Every setting, declared once: name, type with bounds, default, help.

`waypoint_core.config` makes the file, the environment, the flags, the help and the documented sample from these.
Durations are seconds, sizes bytes.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0)]
Some = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=0)]
Port = Annotated[int, Meta(ge=1, le=65535)]
Slots = Annotated[int, Meta(ge=0, le=1000)]
Size = Annotated[str, Meta(pattern=r"^[1-9]\d{2,3}x[1-9]\d{2,3}$")]
Level = Annotated[str, Meta(pattern=r"^(debug|info|warning|error)$")]

# For what etcd and gRPC are told, which do not take every number.
UpToAnHour = Annotated[float, Meta(gt=0, le=3600)]

# A description says what a wrong value is not. `waypoint_core.config` checks what no pattern can.
ADDRESS = "host:port, with an IPv6 host in brackets and a port up to 65535"
ENDPOINT = "http(s)://host:port, with an IPv6 host in brackets and a port from 1 to 65535"
Address = Annotated[str, Meta(description=ADDRESS)]
NoneOrAddress = Annotated[str, Meta(description=f"{ADDRESS}, nor empty")]
Endpoint = Annotated[str, Meta(description=ENDPOINT)]
Name = Annotated[
    str, Meta(description="a name of lower-case letters, digits, '.' and '-', with a letter or digit at both ends")
]
Prefix = Annotated[
    str, Meta(pattern=r"\A/(.*/)?\Z", description="a path that begins and ends with a slash, such as /waypoint/v1/")
]


def setting(default: Any, help: str) -> Any:  # noqa: A002 - the word that every option parser uses
    """A setting with its default (or the function that makes it) and one line of help."""
    if isinstance(default, Callable):  # type: ignore[arg-type]
        return dataclasses.field(default_factory=default, metadata={"help": help})
    return dataclasses.field(default=default, metadata={"help": help})


@dataclass(frozen=True, slots=True)
class EtcdSettings:
    """[etcd] How to reach the cluster that holds all shared state."""

    endpoints: tuple[Endpoint, ...] = setting(("http://127.0.0.1:2379",), "URLs of the cluster's members")
    prefix: Prefix = setting("/waypoint/v1/", "keys start with this; begins and ends with a slash")
    ca_file: str = setting("", "CA certificate that signed the members' certificates")
    cert_file: str = setting("", "client certificate, with key_file, for mutual TLS")
    key_file: str = setting("", "client key")
    username: str = setting("", "user, where etcd's authentication is on")
    password_file: str = setting("", "file that holds the user's password")
    attempt_timeout: UpToAnHour = setting(1.5, "longest wait for one member's answer")
    call_timeout: UpToAnHour = setting(6.0, "longest wait for an answer, other members tried")
    lease_ttl: UpToAnHour = setting(20.0, "a host or proxy that etcd has not heard of for this long is suspect")


@dataclass(frozen=True, slots=True)
class HostSettings:
    """[host] What this machine is called and how its daemons meet."""

    name: Name = setting(lambda: socket.gethostname().lower(), "unique in the fleet; the machine's host name")
    labels: Mapping[str, str] = setting(dict, "free labels, key=value")
    address: str = setting("", "address by which other hosts reach this one; empty: the one that leads to etcd")
    hold_socket: str = setting("/run/waypoint/hold.sock", "where agent and proxy of this host meet")
    tzafonwright_socket: str = setting("/run/waypoint/tzafonwright.sock", "where its proxy meets tzafonwright's server")
    tzafonwright_status: NoneOrAddress = setting(
        "127.0.0.1:9304", "status endpoint of tzafonwright's server, as its unit sets it; empty: none"
    )


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """[tls] Certificates for what the fleet's programs serve and ask of each other; etcd has its own above."""

    cert_file: str = setting("", "certificate of this host, also presented to others")
    key_file: str = setting("", "its key")
    ca_file: str = setting("", "CA that signed the others' certificates; with it they must present one")


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """[agent] The browsers of this host."""

    slots: Slots = setting(4, "browsers to keep running")
    chromium: str = setting(
        "/usr/lib/chromium/chromium-headless-shell",
        "the browser's binary, below /usr or /opt (not a wrapper script around it)",
    )
    browser_flags: tuple[str, ...] = setting((), "further Chromium flags, after WayPoint's own")
    browser_port: Port = setting(20000, "slot n's DevTools port on loopback is this plus n")
    desktop: bool = setting(
        False, "each browser is a window on a virtual desktop of its own, which tzafonwright can drive as well"
    )
    desktop_chromium: str = setting("/usr/lib/chromium/chromium", "the browser's binary where desktop is on")
    desktop_port: Port = setting(19000, "slot n's desktop is driven on loopback at this port plus n")
    desktop_size: Size = setting("1280x800", "pixels of a desktop, WIDTHxHEIGHT")
    start_timeout: Some = setting(15.0, "a browser that does not answer after this is started anew")
    start_limit: Count = setting(0, "browsers that may be starting at one time; 0: two for each processor, at least 4")
    probe_interval: Some = setting(10.0, "an idle browser is probed this often")
    probe_timeout: Some = setting(3.0, "an idle browser that does not answer a probe for this long is hung")
    max_age: Seconds = setting(3600.0, "an idle browser older than this is replaced; 0: never")
    session_limit: Seconds = setting(0.0, "a session is ended after this; 0: never")
    claim_timeout: Some = setting(10.0, "a claim that nobody holds for this long is void, its browser recycled")
    backoff_max: Some = setting(30.0, "longest pause between starts of a slot that keeps failing")
    summary_interval: Some = setting(15.0, "the host's summary is written at most this often")
    status_listen: Address = setting("127.0.0.1:9301", "status endpoint: metrics, and this host's journal")
    broker_socket: str = setting("/run/waypoint/broker.sock", "where the agent's broker asks systemd for it")


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """[proxy] The edge that clients connect to."""

    listen: Address = setting("127.0.0.1:9222", "CDP edge; systemd's waypoint-proxy.socket overrides it")
    tzafonwright_listen: Address = setting(
        "127.0.0.1:1337", "tzafonwright edge; systemd's waypoint-proxy-tzafonwright.socket overrides it"
    )
    name: Name = setting(lambda: socket.gethostname().lower(), "unique among proxies; the machine's host name")
    reserve: Count = setting(8, "browsers claimed ahead of demand, at most")
    reserve_max_age: Some = setting(1800.0, "a reserved browser unused for this long is given back")
    upgrade_timeout: Some = setting(9.0, "longest a WebSocket upgrade waits for a browser")
    version_timeout: Some = setting(19.0, "longest a GET /json/version waits until a browser is free")
    handshake_timeout: Some = setting(10.0, "longest a client may take to send its request head")
    browser_timeout: Some = setting(3.0, "longest a browser may take to accept an upgrade; then another is taken")
    attach_timeout: Some = setting(8.0, "longest tzafonwright's server may take to attach to a browser")
    client_timeout: Some = setting(60.0, "a client that shows no sign of life for this long is gone")
    session_grace: Seconds = setting(0.0, "a session whose client dropped without a close frame waits this long for it")
    open_timeout: Some = setting(60.0, "a session that was opened ahead waits this long for its client")
    direct_port: Annotated[int, Meta(ge=0, le=57536)] = setting(
        21000, "browsers claimed through the instance manager are served on this port and the 7999 above; 0: not"
    )
    status_listen: Address = setting("127.0.0.1:9302", "status endpoint: metrics, and this proxy's sessions")
    compress: bool = setting(
        False, "browsers compress messages for CDP clients that offer it: fewer bytes to those far away, for CPU time"
    )
    max_header: Annotated[int, Meta(ge=1024)] = setting(32768, "largest request head")
    max_connections: Annotated[int, Meta(ge=1)] = setting(8000, "client connections at one time")


@dataclass(frozen=True, slots=True)
class ControlPlaneSettings:
    """[controlplane] The deciders: one leads, any number stand by."""

    name: Name = setting(lambda: socket.gethostname().lower(), "unique among control planes; the machine's host name")
    listen: Address = setting("127.0.0.1:50052", "gRPC; without certificates only on loopback")
    status_listen: Address = setting(
        "127.0.0.1:9303", "status endpoint: metrics, and where Prometheus finds all others"
    )
    lease_ttl: UpToAnHour = setting(10.0, "a leader that etcd has not heard of for this long is replaced")
    beat_ttl: UpToAnHour = setting(5.0, "what registered itself is stale without a heartbeat for this long")
    beat_grace: Some = setting(5.0, "what has been stale for this long is dead, and its children with it")
    host_grace: Some = setting(60.0, "a host without lease for this long is probed, and gone if it does not answer")
    probe_timeout: Some = setting(3.0, "longest wait for a suspect host's answer")
    mass_loss: Annotated[float, Meta(gt=0, le=1)] = setting(0.15, "part of all hosts whose loss freezes remediation")
    mass_loss_least: Annotated[int, Meta(ge=1)] = setting(
        3, "fewer lost hosts than this freeze nothing, unless all are"
    )
    eviction_interval: Some = setting(10.0, "hosts are declared gone at most this often, one at a time")
    flap_losses: Annotated[int, Meta(ge=2, le=10)] = setting(3, "a host lost this often within flap_window is cordoned")
    flap_window: Some = setting(600.0, "how far back losses of a host count")
    remember_dead: Some = setting(600.0, "why a registered instance died is known for this long")
    forget_host: Some = setting(86400.0, "a host that has been gone for this long is forgotten")


@dataclass(frozen=True, slots=True)
class CtlSettings:
    """[ctl] waypointctl."""

    servers: tuple[Address, ...] = setting(("127.0.0.1:50052",), "control planes to ask, the first that answers")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """[log] What the daemons say."""

    level: Level = setting("info", "debug, info, warning or error")


@dataclass(frozen=True, slots=True)
class Settings:
    """All sections."""

    etcd: EtcdSettings = dataclasses.field(default_factory=EtcdSettings)
    host: HostSettings = dataclasses.field(default_factory=HostSettings)
    tls: TlsSettings = dataclasses.field(default_factory=TlsSettings)
    agent: AgentSettings = dataclasses.field(default_factory=AgentSettings)
    proxy: ProxySettings = dataclasses.field(default_factory=ProxySettings)
    controlplane: ControlPlaneSettings = dataclasses.field(default_factory=ControlPlaneSettings)
    ctl: CtlSettings = dataclasses.field(default_factory=CtlSettings)
    log: LogSettings = dataclasses.field(default_factory=LogSettings)
