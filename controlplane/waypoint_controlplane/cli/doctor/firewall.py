"""Browsers are kept away from this host's own services."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from waypoint_controlplane.cli.doctor.findings import Finding, fail, ok, skipped, warn
from waypoint_controlplane.cli.doctor.ports import wanted
from waypoint_controlplane.cli.doctor.run import Ran, run
from waypoint_controlplane.cli.verb import Invocation

_LOAD = "systemctl enable --now waypoint-firewall.service"


def check(invocation: Invocation) -> Iterator[Finding]:
    """Asks nft for the set of closed ports."""
    settings = invocation.settings
    secret = [port for port, name in wanted(settings).items() if name in {"agent.browser_port", "controlplane.listen"}]
    etcd = [int(port) for url in settings.etcd.endpoints if (port := url.rstrip("/").rpartition(":")[2]).isdecimal()]
    return judge(run("nft", "--json", "list", "set", "inet", "waypoint", "closed"), sorted({*secret, *etcd}))


def judge(asked: Ran | None, ports: Sequence[int]) -> Iterator[Finding]:
    """Pure. asked: None without nft; ports: those that must be closed to browsers."""
    if asked is None:
        yield fail("nft is not installed", f"apt-get install nftables, then {_LOAD}")
    elif asked.code != 0 and "permitted" in asked.said:
        yield skipped("only root may see the firewall", "run this as root")
    elif asked.code != 0:
        yield fail("the table inet waypoint is not loaded: browsers reach etcd and each other", _LOAD)
    else:
        closed = parse(asked.said)
        gaps = [port for port in ports if not any(first <= port <= last for first, last in closed)]
        if gaps:
            ranges = ", ".join(map(str, gaps))
            mend = (
                f"write /etc/waypoint/firewall.d/local.nft: add element inet waypoint closed {{ {ranges} }}, and reload"
            )
            yield warn(f"open to browsers: {ranges}", mend)
        else:
            yield ok("loaded; browsers cannot reach etcd, the control plane and each other")


def parse(said: str) -> list[tuple[int, int]]:
    """First and last port of each range in the set. Pure."""
    found = []
    for thing in json.loads(said)["nftables"]:
        for element in thing.get("set", {}).get("elem", []):
            value = element.get("elem", {}).get("val", element) if isinstance(element, dict) else element
            first, last = value["range"] if isinstance(value, dict) else (value, value)
            found.append((int(first), int(last)))
    return found
