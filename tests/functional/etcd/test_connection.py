"""The connection to a member: slow to be made, or dead without a word."""

import pytest

from functional.etcd.cable import Cable
from functional.etcd.cluster import Cluster
from functional.etcd.following import until
from waypoint_core.etcd import EtcdRegistry, channel
from waypoint_core.etcd.observer import Silent
from waypoint_core.registry import Synced
from waypoint_core.settings import EtcdSettings


async def test_one_that_swallows_everything_is_replaced(etcd: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes are acknowledged and lost, as behind a proxy that hangs: TCP has nothing to complain of."""
    monkeypatch.setattr(channel, "PING_AFTER", 0.3)
    monkeypatch.setattr(channel, "PING_TIMEOUT", 0.3)
    async with Cable(etcd.members[0].address) as cable:
        settings = etcd.settings(endpoints=(cable.address,), attempt_timeout=0.5)
        async with EtcdRegistry.connect(settings) as registry, registry.watch("/w/") as events:
            await until(events, Synced)
            cable.swallow()
            assert await registry.get("/w/a") is None


def test_it_is_replaced_while_a_lease_that_it_carried_still_lives() -> None:
    ttl = EtcdSettings().lease_ttl
    assert channel.PING_AFTER > 5, "etcd hangs up on who pings more often"
    assert ttl - ttl / 4 - 2 * EtcdSettings().attempt_timeout > channel.PING_AFTER + channel.PING_TIMEOUT


async def test_it_may_take_as_long_to_be_made_as_the_settings_give_an_attempt(etcd: Cluster) -> None:
    async with Cable(etcd.members[0].address, latency=0.6) as cable:
        settings = etcd.settings(endpoints=(cable.address,), attempt_timeout=15.0, call_timeout=15.0)
        async with EtcdRegistry.connect(settings) as registry:
            assert await registry.get("/a") is None


class FlowsWhenRetried(Silent):
    """Ends a cable's stall as soon as a call is tried again."""

    def __init__(self, cable: Cable) -> None:
        self._cable = cable

    def retried(self, method: str) -> None:
        self._cable.flow()


async def test_a_write_for_which_it_was_not_made_in_time_is_repeated(etcd: Cluster) -> None:
    async with Cable(etcd.members[0].address) as cable:
        settings = etcd.settings(endpoints=(cable.address,), attempt_timeout=12.0, call_timeout=40.0)
        async with EtcdRegistry.connect(settings, FlowsWhenRetried(cable)) as registry:
            cable.stall()
            await registry.put("/a", b"")
