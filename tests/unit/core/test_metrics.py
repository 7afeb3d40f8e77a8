from prometheus_client import generate_latest

from waypoint_core import metrics
from waypoint_core.etcd.metrics import EtcdMetrics


def test_a_fresh_registry_names_program_and_process() -> None:
    text = generate_latest(metrics.fresh("agent")).decode()
    assert 'waypoint_build_info{component="agent",version="' in text
    assert "process_resident_memory_bytes" in text
    assert "python_gc_collections_total" in text


def test_registries_share_nothing() -> None:
    for registry in (metrics.fresh("agent"), metrics.fresh("agent")):
        EtcdMetrics(registry)


def test_all_of_etcds_metrics_explain_themselves() -> None:
    registry = metrics.fresh("agent")
    EtcdMetrics(registry)
    assert all(len(family.documentation) > 20 for family in registry.collect() if "waypoint" in family.name)
