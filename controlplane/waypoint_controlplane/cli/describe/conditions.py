"""What is remarkable about a host, each with the reason. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from waypoint_controlplane.api import waypoint_pb2 as pb
from waypoint_controlplane.cli import cells

_LITTLE_MEMORY = 0.1
_PRESSED = 20.0


@dataclass(frozen=True, slots=True)
class Condition:
    """One line under Conditions."""

    name: str
    holds: bool
    why: str = ""


def conditions(host: pb.Host) -> Iterator[Condition]:
    """Whether it takes sessions, first; then whatever else an administrator should know."""
    state = cells.host_state(host)
    yield Condition("TakesSessions", state == "ready" and host.ready + host.claimed > 0, _takes(host, state))
    if state == "draining":
        until = cells.moment(host, "drain_deadline")
        yield Condition("Draining", True, f"sessions that are left at {until} are ended" if until else "no deadline")
    if host.failed:
        yield Condition(
            "SlotsFail", True, f"{host.failed} of {host.slots} browsers do not start: see the instances below"
        )
    if host.HasField("wanted_slots"):
        yield Condition("Scaled", True, f"to {host.wanted_slots} slots, whatever is configured there")
    if host.losses:
        times = ", ".join(cells.moment(pb.Event(at=at)) for at in host.losses)
        yield Condition("LostLately", True, f"{len(host.losses)} times: {times}" if len(host.losses) > 1 else times)
    if host.memory_total_bytes:
        part = host.memory_available_bytes / host.memory_total_bytes
        yield Condition("ShortOfMemory", part < _LITTLE_MEMORY, f"{part:.0%} available")
    for what, percent in sorted(host.pressure.items()):
        if percent >= _PRESSED:
            yield Condition("UnderPressure", True, f"tasks waited for {what} {percent:g}% of the last 10 s")


def _takes(host: pb.Host, state: str) -> str:
    if state != "ready":
        return f"it is {state}"
    if not host.slots:
        return "it has no slots"
    return f"{host.ready} of {host.slots} browsers are nobody's, {host.claimed} in use or in a proxy's reserve"
