"""The parts of a description. Pure."""

from __future__ import annotations


def headed(heading: str, body: str) -> str:
    """A part with its heading, its lines indented; none when it is empty."""
    lines = body.splitlines() or ["none"]
    return f"\n{heading}:\n" + "\n".join(f"  {line}" for line in lines)
