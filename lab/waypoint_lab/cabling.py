"""A host's cable: a network namespace and a veth pair, ours `wpl<n>` and the host's `host0`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from waypoint_lab.errors import LabError
from waypoint_lab.process import command, succeeds

SUBNETS = 256
FIREWALL = ("inet", "waypoint")
"""The table that waypoint-firewall.service loads."""


@dataclass(frozen=True, slots=True)
class Cable:
    """10.213.<subnet>.0/30: .1 is ours, .2 the host's."""

    name: str
    subnet: int

    @property
    def namespace(self) -> str:
        """For `ip netns`."""
        return namespace(self.name)

    @property
    def device(self) -> str:
        """Our end."""
        return f"wpl{self.subnet}"

    @property
    def gateway(self) -> str:
        """Our address."""
        return f"10.213.{self.subnet}.1"

    @property
    def address(self) -> str:
        """The host's address."""
        return f"10.213.{self.subnet}.2"

    def unplug(self) -> None:
        """Packets vanish both ways, and neither end is told."""
        command("nft", "-f", "-", input=blackhole(self.device))

    def plug(self) -> None:
        """Packets pass again."""
        command("nft", "delete", "table", "netdev", self.device)


def namespace(name: str) -> str:
    """The host's network namespace, for `ip netns`."""
    return f"waypoint-lab-{name}"


def namespace_path(name: str) -> Path:
    """Where `ip netns` keeps it."""
    return Path("/run/netns", namespace(name))


def create(name: str) -> Cable:
    """Lay the cable in the first free subnet; the kernel, which refuses a name twice, settles races."""
    command("ip", "netns", "add", namespace(name))
    inside = ("ip", "-n", namespace(name))
    for subnet in range(SUBNETS):
        cable = Cable(name, subnet)
        pair = ("type", "veth", "peer", "name", "host0", "netns", cable.namespace)
        if not Path("/sys/class/net", cable.device).exists() and succeeds("ip", "link", "add", cable.device, *pair):
            break
    else:
        raise LabError(f"cannot lay a cable for {name}: no free subnet in 10.213.0.0/16, or no veth in this kernel")
    command("ip", "address", "add", f"{cable.gateway}/30", "dev", cable.device)
    command("ip", "link", "set", cable.device, "up")
    Path("/proc/sys/net/ipv4/conf", cable.device, "forwarding").write_text("1")  # hosts reach each other through us
    command(*inside, "address", "add", f"{cable.address}/30", "dev", "host0")
    command(*inside, "link", "set", "lo", "up")
    command(*inside, "link", "set", "host0", "up")
    command(*inside, "route", "add", "default", "via", cable.gateway)
    return cable


def remove(name: str, subnet: int | None) -> None:
    """Remove whatever of it is there."""
    if subnet is not None:
        succeeds("nft", "delete", "table", "netdev", Cable(name, subnet).device)
    if namespace_path(name).exists():
        # A namespace is taken apart some time after its removal; the pair must be gone when we return.
        succeeds("ip", "-n", namespace(name), "link", "delete", "host0")
        command("ip", "netns", "delete", namespace(name))


def check_machine_is_free() -> None:
    """LabError when the machine's own network holds a firewall of WayPoint's, which a host on it would replace."""
    if succeeds("nft", "list", "table", *FIREWALL):
        raise LabError(
            "cannot boot a host on this machine's network: it has WayPoint's firewall already, from an installed "
            "WayPoint or another host; stop that, or run: nft delete table inet waypoint"
        )


def remove_firewall() -> None:
    """Take back what a host on the machine's network has loaded there."""
    succeeds("nft", "delete", "table", *FIREWALL)


def blackhole(device: str) -> str:
    """The nft rules that drop what comes and goes through the device."""
    chains = "\n".join(
        f'  chain {hook} {{\n    type filter hook {hook} device "{device}" priority 0; policy drop;\n  }}'
        for hook in ("ingress", "egress")
    )
    return f"table netdev {device} {{\n{chains}\n}}\n"
