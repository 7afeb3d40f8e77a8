"""The registry of a daemon's metrics, and how they are named.

Each daemon's composition root makes one registry with `fresh` and hands it to who measures; nothing is global.

Names are `waypoint_<component>_<what>[_<unit>]`: base units (seconds, bytes), counters end in `_total`. What a part
measures stands in a class that takes the registry. The help text is what operators read in the documentation. Labels
are closed sets that grow with the code, never with the fleet: no instance, session, client or host.
"""

from __future__ import annotations

from importlib import metadata

from prometheus_client import CollectorRegistry, GCCollector, Info, ProcessCollector


def fresh(component: str) -> CollectorRegistry:
    """A registry that knows the process, its garbage collection, and which component and version it is."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    build = Info("waypoint_build", "Which program this is, and its version.", registry=registry)
    build.info({"component": component, "version": metadata.version("waypoint")})
    return registry
