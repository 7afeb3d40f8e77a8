"""Asking proxies for their sessions."""

import pytest

from waypoint_controlplane.fleet import Fleet
from waypoint_controlplane.peers import Peers
from waypoint_core.codec import encode
from waypoint_core.keys import Keys
from waypoint_core.model import ProxyAlive
from waypoint_core.registry import Entry, Written
from waypoint_core.status.client import StatusClient

KEYS = Keys()


@pytest.mark.parametrize("address", ["node1..example:9302", f"{'a' * 64}.example:9302", "nonsense"])
async def test_a_proxy_with_an_impossible_address_is_missing(address: str) -> None:
    fleet = Fleet(KEYS)
    fleet.apply(Written(Entry(KEYS.proxy("p"), encode(ProxyAlive("e", "h", status=address)), 1, 1)))
    reports, missing = await Peers(fleet, StatusClient(None)).sessions()
    assert reports == []
    assert len(missing) == 1
    assert missing[0].startswith(f"p: cannot ask {address} for /sessions: ")
