"""A host of its own, whose browsers know the site by names; each test has a client in a fresh session at port 1337."""

from collections.abc import AsyncIterator, Iterator

import pytest

from functional.tzafonwright.site import serving
from tzafonwright import TzafonWrightClient
from waypoint_lab import Host


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with Host.boot("tzafonwright-tests", slots=4, network="veth") as running:
        running.run("tee", "--append", "/etc/hosts", input=f"{running.gateway} shop.example other.example\n")
        running.run("tee", "/etc/resolv.conf", input="nameserver 127.0.0.1\n")  # who refuses at once
        yield running


@pytest.fixture(scope="session")
def port(host: Host) -> Iterator[int]:
    """The site's, which answers on the host's own loopback, too."""
    with serving(host.gateway, 80) as port:
        forward = ("/lib/systemd/systemd-socket-proxyd", f"{host.gateway}:{port}")
        host.run("systemd-run", f"--socket-property=ListenStream=127.0.0.1:{port}", *forward)
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
