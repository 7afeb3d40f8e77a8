"""Which frames of ours a client can bear, by the edge that it came to and how it asks. Pure.

Chromium never sends a control frame by itself, so there are CDP clients that were never made for one:

- rod takes every frame for a message and panics at one that is none. Its key is the word "nil", its agent Go's.
- chromedp ends at a ping (before 0.12.1) or logs a line for each, and ends at a pong. It names no agent.

All clients pass over the answer to a call that they did not make, Playwright only if it says that its session is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from waypoint_proxy import frames


@dataclass(frozen=True, slots=True)
class Manners:
    """pings: it can be pinged. farewells: it can be sent a close frame. fill: frames of that many bytes, which mean
    nothing to it."""

    pings: bool
    farewells: bool
    fill: Callable[[int], bytes]


def at_cdp(headers: Mapping[str, str]) -> Manners:
    """At the CDP edge."""
    agent = headers.get("user-agent", "")
    return Manners(
        pings=bool(agent) and not agent.startswith("Go-"),
        farewells=headers.get("sec-websocket-key") != "nil",
        fill=frames.answer_to_nobody,
    )


def at_tzafonwright(_: Mapping[str, str]) -> Manners:
    """At the tzafonwright edge, whose clients were made for it."""
    return Manners(pings=True, farewells=True, fill=frames.pings)
