"""The registry of a daemon's metrics, and how they are named.

Each daemon's composition root makes one registry with `fresh` and hands it to who measures; nothing is global.

Names are `waypoint_<component>_<what>[_<unit>]`: base units (seconds, bytes), counters end in `_total`. What a part
measures stands in a class that takes the registry. The help text is what operators read in the documentation. Labels
are closed sets that grow with the code, never with the fleet: no instance, session, client or host.
"""

from __future__ import annotations

from importlib import metadata

from prometheus_client import CollectorRegistry, GCCollector, Info, ProcessCollector, disable_created_metrics
from prometheus_client.core import Metric


def fresh(component: str) -> CollectorRegistry:
    """A registry that knows the process, its garbage collection, and which component and version it is."""
    # Else a gauge beside each counter and histogram, which nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    build = Info("waypoint_build", "Which program this is, and its version.", registry=registry)
    build.info({"component": component, "version": metadata.version("waypoint")})
    return registry


def page(title: str, registry: CollectorRegistry) -> str:
    """The registry's own metrics as a section of docs/metrics.md; those of the process and of Python are left out."""
    rows = [
        f"| `{_exposed(family)}` | {family.type} | {_labels(family, registry)} | {family.documentation} |"
        for family in sorted(registry.collect(), key=lambda family: family.name)
        if family.name.startswith("waypoint_")
    ]
    return "\n".join([f"## {title}", "", "| metric | type | labels | what |", "|---|---|---|---|", *rows, ""])


def _exposed(family: Metric) -> str:
    """The name under which Prometheus shows it."""
    return family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")


def _labels(family: Metric, registry: CollectorRegistry) -> str:
    names = {label for sample in family.samples for label in sample.labels} - {"le"}
    # A metric that counts nothing yet has no sample to tell its labels.
    collector = registry._names_to_collectors.get(family.name)
    return ", ".join(f"`{name}`" for name in sorted(names | set(getattr(collector, "_labelnames", ()))))
