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


@dataclass(frozen=True, slots=True)
class HostAlive:
    """`hosts/<h>/alive`: this agent lives, under the host's lease.

    epoch is new with every start of the agent; address is where the host's gateway listens, "" without one.
    """

    epoch: Text
    boot_id: str
    slots: Count
    address: str = ""
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
    very life of the browser. reason says why a failed instance failed.
    """

    type: InstanceType
    state: InstanceState
    slot: Count | None = None
    generation: Count = 0
    invocation: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    parent: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """`claims/<id>`: a proxy has this instance for itself. request tells one attempt from another."""

    proxy: Text
    request: Text
    kind: str = "cdp"
    session: str = ""
    tenant: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class ProxyAlive:
    """`proxies/<p>`: this proxy lives, under a lease of its own."""

    epoch: Text
    host: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class DesiredHost:
    """`desired/hosts/<h>`: what an operator or the control plane wants of a host; None: as configured there."""

    slots: Count | None = None
    cordon: bool = False
    reason: str = ""
    drain_deadline: float | None = None
    browser_flags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KillRequest:
    """`desired/inst/<h>/<id>`: end this instance."""

    reason: Text
    at: float = 0.0
