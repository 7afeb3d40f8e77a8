"""Where Prometheus is sent."""

import json
from typing import Any

import pytest

from waypoint_controlplane import discovery
from waypoint_controlplane.fleet import Fleet
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import HostAlive, Member, ProxyAlive
from waypoint_core.registry import Entry, Written
from waypoint_core.status.routes import Request

KEYS = Keys("/test/")


def fleet(*records: tuple[str, object]) -> Fleet:
    shown = Fleet(KEYS)
    for key, record in records:
        shown.apply(Written(Entry(key, encode(record), 1, 1, 0)))
    return shown


def group(component: str, host: str, address: str, scheme: str = "http") -> dict[str, Any]:
    return {"targets": [address], "labels": {"component": component, "host": host, "__scheme__": scheme}}


@pytest.mark.parametrize(
    ("key", "record", "found"),
    [
        (KEYS.host_alive("a"), HostAlive("e", "b", 1, status="a:9301"), [group("agent", "a", "a:9301")]),
        (KEYS.proxy("p"), ProxyAlive("e", "a", status="a:9302"), [group("proxy", "a", "a:9302")]),
        (KEYS.proxy("p"), ProxyAlive("e", status="a:9302"), [group("proxy", "p", "a:9302")]),
        (KEYS.member("m"), Member("e", "a:50052", "[::1]:9303"), [group("controlplane", "m", "[::1]:9303")]),
        (KEYS.host_alive("a"), HostAlive("e", "b", 1), []),
        (KEYS.proxy("p"), ProxyAlive("e", "a"), []),
    ],
)
def test_each_daemon_where_it_says(key: str, record: object, found: list[dict[str, Any]]) -> None:
    assert discovery.targets(fleet((key, record)), tls=False) == found


def test_one_group_a_daemon_in_order() -> None:
    shown = fleet(
        (KEYS.host_alive("b"), HostAlive("e", "b", 1, status="b:9301")),
        (KEYS.host_alive("a"), HostAlive("e", "b", 1, status="a:9301")),
        (KEYS.proxy("a"), ProxyAlive("e", "a", status="a:9302")),
    )
    assert [each["targets"] for each in discovery.targets(shown, tls=False)] == [["a:9301"], ["b:9301"], ["a:9302"]]


def test_with_certificates_it_is_https() -> None:
    shown = fleet((KEYS.host_alive("a"), HostAlive("e", "b", 1, status="a:9301")))
    assert discovery.targets(shown, tls=True) == [group("agent", "a", "a:9301", "https")]


@pytest.mark.parametrize("shown", [fleet(), fleet((KEYS.proxy("p"), ProxyAlive("e", "a", status="a:9302")))])
async def test_the_document_is_json_also_of_an_empty_fleet(shown: Fleet) -> None:
    """Prometheus keeps its last list if this one cannot be read, so that an empty one must be a list as well."""
    response = await discovery.route(shown, tls=False)(Request("/sd", {}))
    assert (response.status, response.content_type) == (200, "application/json")
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == discovery.targets(shown, tls=False)
