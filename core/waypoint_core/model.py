"""The records that components exchange through the registry, one class a kind of key.

Times are seconds since the epoch as told by the writer's clock: for people, never for decisions.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

Count = Annotated[int, Meta(ge=0)]
Text = Annotated[str, Meta(min_length=1)]


class InstanceType(enum.StrEnum):
    """What kind of thing an instance is."""

    CHROME_BROWSER = "chrome_browser"
    VIRTUAL_MACHINE = "virtual_machine"
    WARMPOOL_CHROME_PROXY = "warmpool_chrome_proxy"
    FAKE_INSTANCE = "fake_instance"
    INSTANCE_MANAGER = "instance_manager"
    VLLM = "vllm"
    BROWSER_BACKEND = "browser_backend"
    AGENT = "agent"


class InstanceState(enum.StrEnum):
    """Where an instance stands in its one life: starting, ready, claimed, recycling, gone; or failed."""

    STARTING = "starting"
    READY = "ready"
    CLAIMED = "claimed"
    RECYCLING = "recycling"
    GONE = "gone"
    FAILED = "failed"


class HostState(enum.StrEnum):
    """What the fleet makes of a host: ready; cordoned or draining by request; suspect without its lease; gone."""

    READY = "ready"
    CORDONED = "cordoned"
    DRAINING = "draining"
    SUSPECT = "suspect"
    GONE = "gone"


class KillKind(enum.StrEnum):
    """Why an instance is ended, in classes that programs can tell apart."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    HEALTH_CHECK_FAILED = "health_check_failed"
    PARENT_DEAD = "parent_dead"


class ClaimKind(enum.StrEnum):
    """For whom a browser is claimed.

    cdp, tzafonwright: by a proxy, for clients at that edge. session: by the control plane, for who connects to the
    proxy's edge under the claim's session id. direct: by the control plane, for who connects to the claim's address.
    """

    CDP = "cdp"
    TZAFONWRIGHT = "tzafonwright"
    SESSION = "session"
    DIRECT = "direct"


@dataclass(frozen=True, slots=True)
class HostAlive:
    """`hosts/<h>/alive`: this agent lives, under the host's lease.

    epoch is new with every start of the agent; address is where the host's gateway listens, "" without one; status is
    where the agent's status endpoint answers, as host:port.
    """

    epoch: Text
    boot_id: str
    slots: Count
    address: str = ""
    status: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostSummary:
    """`hosts/<h>/summary`: how loaded the host is. Memory in bytes; pressure is PSI some avg10 in percent."""

    load1: float
    memory_total: Count
    memory_available: Count
    pressure: Mapping[str, float] = field(default_factory=dict)
    instances: Mapping[str, Count] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Instance:
    """`inst/<h>/<id>`: one life of one browser in a slot, or of any other registered thing.

    endpoints maps a protocol to a URL, for a browser `cdp` to its DevTools WebSocket URL, which names this
    very life of the browser, and `desktop`, where it has one, to the host:port on which that is driven; for what
    registered itself, to the host:port that it gave. open: it may be claimed,
    if it is ready and nobody has claimed it; since: when this life began; reason says why a failed instance failed.
    """

    type: InstanceType
    state: InstanceState
    slot: Count | None = None
    generation: Count = 0
    invocation: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    open: bool = True
    since: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """`claims/<id>`: a proxy has this instance for itself. request tells one attempt from another.

    Of the kinds that the control plane writes, address is empty until the proxy serves what was claimed, and then the
    host:port where it does.
    """

    proxy: Text
    request: Text
    kind: ClaimKind = ClaimKind.CDP
    session: str = ""
    tenant: str = ""
    address: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class ProxyAlive:
    """`proxies/<p>`: this proxy lives, under a lease of its own.

    address is its CDP edge, tzafonwright the other edge ("" without one), status its status endpoint, and
    tzafonwright_status that of the server behind the other edge, each as host:port. Browsers of kind direct are served
    on its address's host at ports counted from direct_port (0: not at all); see `direct_addresses`.
    """

    epoch: Text
    host: str = ""
    address: str = ""
    status: str = ""
    direct_port: int = 0
    tzafonwright: str = ""
    tzafonwright_status: str = ""


@dataclass(frozen=True, slots=True)
class DesiredHost:
    """`desired/hosts/<h>`: what an operator or the control plane wants of a host; None: as configured there."""

    slots: Count | None = None
    cordon: bool = False
    reason: str = ""
    by: str = ""
    drain_deadline: float | None = None
    browser_flags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KillRequest:
    """`desired/inst/<h>/<id>`: end this instance. Of what registered itself it stays a while, to say why it died."""

    reason: Text
    kind: KillKind = KillKind.KILLED
    by: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Beat:
    """`beats/<id>`: what registered itself as `inst/_/<id>` is healthy, under a lease that its heartbeats renew."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Binding:
    """`bindings/<parent>/<child>`: the child dies with its parent."""

    at: float = 0.0


@dataclass(frozen=True, slots=True)
class KnownHost:
    """`cp/hosts/<h>`: what the leader made of a host that it has seen.

    state is ready, suspect or gone; losses are the times at which the host's lease was lost lately, at most ten.
    """

    state: HostState
    since: float
    reason: str = ""
    status: str = ""
    losses: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Freeze:
    """`cp/freeze`: frozen stops remediation, not frozen overrides a freeze that the leader would call itself."""

    frozen: bool
    by: Text
    reason: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Leader:
    """`cp/leader`: this control plane leads, under its lease; epoch is new with every election."""

    name: Text
    epoch: Text
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Member:
    """`cp/members/<name>`: this control plane lives, under its lease; gRPC and status endpoint, each as host:port."""

    epoch: Text
    address: str
    status: str


@dataclass(frozen=True, slots=True)
class Tick:
    """`cp/tick`: written by the leader every 5 s, so that every watcher can tell how stale it is."""

    at: float
    by: str


_DIRECT_BLOCK = 1000
_DIRECT_BLOCKS = 4


def direct_addresses(proxy: ProxyAlive, instance: Instance) -> dict[str, str]:
    """Where the proxy serves a browser that is claimed as direct: host:port by protocol; empty where it does not.

    A slot's lives take four ports in turn, so that who comes late to an ended life does not meet the next.
    """
    host, _, _ = proxy.address.rpartition(":")
    if not proxy.direct_port or not host or instance.slot is None or instance.slot >= _DIRECT_BLOCK:
        return {}
    port = proxy.direct_port + _DIRECT_BLOCK * (instance.generation % _DIRECT_BLOCKS) + instance.slot
    addresses = {"cdp": f"{host}:{port}"}
    if proxy.tzafonwright:
        addresses["tzafonwright"] = f"{host}:{port + _DIRECT_BLOCK * _DIRECT_BLOCKS}"
    return addresses
