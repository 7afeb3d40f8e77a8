"""Claiming a browser for a parent, as a draft. No I/O.

Browsers that nobody has claimed are few: proxies reserve them ahead of demand. So one that a proxy has claimed for
itself may be asked for as well, by writing over its claim; the proxy gives it, or says that a client has it already.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from waypoint_controlplane.fleet import Fleet, Row
from waypoint_controlplane.serve.draft import Draft
from waypoint_controlplane.serve.errors import shown, unmet
from waypoint_controlplane.serve.family import bind
from waypoint_core.keys import host_of
from waypoint_core.model import Claim, ClaimKind, HostState, Instance, InstanceState, ProxyAlive, direct_addresses
from waypoint_core.registry import Absent, Present, Unchanged

_OWN = frozenset({ClaimKind.CDP, ClaimKind.TZAFONWRIGHT})


@dataclass(frozen=True, slots=True)
class Proxy:
    """A living proxy, and by protocol where it serves a browser that it is given directly; empty where it does not."""

    name: str
    row: Row[ProxyAlive]
    direct: Mapping[str, str]


def proxy_for(fleet: Fleet, browser: str, record: Instance) -> Proxy | None:
    """Who could serve the browser: the proxy that has it, else one on its host, if it can directly; None: nobody."""
    owner = fleet.claims[browser].record.proxy if is_a_proxys(fleet, browser) else ""
    found = (
        Proxy(name, row, direct_addresses(row.record, record))
        for name, row in sorted(fleet.proxies.items())
        if row.record.host == host_of(browser) and owner in {"", name}
    )
    return max(found, key=lambda proxy: bool(proxy.direct), default=None)


def is_free(fleet: Fleet, browser: str) -> bool:
    """Whether it may be claimed now: it is nobody's, or a proxy's that may have it in reserve."""
    row = fleet.instances.get(browser)
    return (
        row is not None
        and row.record.open
        and row.record.state is InstanceState.READY
        and (browser not in fleet.claims or is_a_proxys(fleet, browser))
        and browser not in fleet.kills
        and not fleet.parent(browser)
        and fleet.host_state(host_of(browser)) is HostState.READY
    )


def is_a_proxys(fleet: Fleet, browser: str) -> bool:
    """Whether a living proxy has claimed it for itself, be it for a client or ahead of demand."""
    row = fleet.claims.get(browser)
    return row is not None and row.record.kind in _OWN and row.record.proxy in fleet.proxies


def require_claimable(draft: Draft, browser: str) -> None:
    """Its claim is as the tables show it: absent, or its proxy's own."""
    key = draft.keys.claim(browser)
    row = draft.fleet.claims.get(browser)
    draft.require(Unchanged(key, row.revision) if row else Absent(key))


def claim(draft: Draft, browser: str, parent: str) -> bool:
    """Claim it for this parent; False when it is not free. Refusal when nobody could serve it."""
    if not is_free(draft.fleet, browser):
        return False
    host = host_of(browser)
    proxy = proxy_for(draft.fleet, browser, draft.fleet.instances[browser].record)
    if proxy is None:
        raise unmet(f"cannot claim {shown(browser)}: no proxy lives on {host}; start waypoint-proxy there")
    if not proxy.direct:
        raise unmet(
            f"cannot claim {shown(browser)}: proxy {proxy.name} does not serve browsers directly; "
            "set proxy.direct_port there"
        )
    require_claimable(draft, browser)
    draft.require_unchanged(browser)
    draft.require_living(browser)
    draft.require(Present(draft.keys.host_alive(host)))
    draft.require(Present(proxy.row.key))
    draft.put(draft.keys.claim(browser), Claim(proxy.name, uuid.uuid4().hex, kind=ClaimKind.DIRECT, at=draft.at))
    bind(draft, parent, browser)
    return True
