"""A host of its own, whose browsers know the site by names; each test has a client in a fresh session at port 1337."""

from collections.abc import AsyncIterator, Iterator

import pytest

from functional.tzafonwright.site import serving
from tzafonwright import TzafonWrightClient
from waypoint_lab import Host

_NAMES = "shop.example other.example"


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with Host.boot("tzafonwright-tests", slots=4, network="veth") as running:
        with (running.root / "etc/hosts").open("a") as names:
            names.write(f"{running.gateway} {_NAMES}\n")
        yield running


@pytest.fixture(scope="session")
def port(host: Host) -> Iterator[int]:
    with serving(host.gateway, 80) as port:
        yield port


@pytest.fixture
def shop(port: int) -> str:
    return "http://shop.example"


@pytest.fixture
def edge(host: Host, port: int) -> str:
    return f"ws://{host.address}:1337"


@pytest.fixture
async def tw(edge: str) -> AsyncIterator[TzafonWrightClient]:
    async with TzafonWrightClient(edge, timeout=10) as client:
        yield client
