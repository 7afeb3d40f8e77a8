"""What the tests of the whole stand on: a booted host, the fleet on it, a site for its sessions to visit."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from system.fleet import SETTINGS, SLOTS, Fleet
from system.pageserver import serving
from waypoint_lab import Host


def booted(name: str) -> Callable[[], Iterator[Host]]:
    """A fixture: a host with warm browsers, gone without a trace afterwards."""

    @pytest.fixture(scope="session")
    def host() -> Iterator[Host]:
        with Host.boot(name, slots=SLOTS, network="veth", settings=SETTINGS) as running:
            yield running

    return host


@pytest.fixture(scope="session")
def site(host: Host) -> Iterator[str]:
    with serving(host.gateway) as url:
        yield url


@pytest.fixture
async def fleet(host: Host) -> AsyncIterator[Fleet]:
    """The fleet, idle and complete, which it must be again after each test."""
    fleet = Fleet(host)
    await fleet.whole()
    yield fleet
    await fleet.whole()
