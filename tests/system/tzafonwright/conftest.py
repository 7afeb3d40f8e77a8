"""Hosts whose browsers know the site by names; each test has a client in a fresh session at port 1337."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager

import pytest

from functional.tzafonwright.site import serving
from system.fleet import SETTINGS
from tzafonwright import TzafonWrightClient
from waypoint_lab import Host
from waypoint_lab.settings import Value

SCREEN = (1024, 700)


@contextmanager
def booted(name: str, slots: int, settings: Mapping[str, Value]) -> Iterator[Host]:
    """The site has names on it, and answers on its own loopback, too, where pages count as secure."""
    with Host.boot(name, slots=slots, network="veth", settings=settings) as running, serving(running.gateway, 80):
        running.run("tee", "--append", "/etc/hosts", input=f"{running.gateway} shop.example other.example\n")
        running.run("tee", "/etc/resolv.conf", input="nameserver 127.0.0.1\n")  # who refuses at once
        forward = ("/lib/systemd/systemd-socket-proxyd", f"{running.gateway}:80")
        running.run("systemd-run", "--socket-property=ListenStream=127.0.0.1:80", *forward)
        yield running


@pytest.fixture(scope="session")
def host() -> Iterator[Host]:
    with booted("tzafonwright-tests", 4, SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def desktops() -> Iterator[Host]:
    """Each of its browsers is a window on a desktop."""
    size = "{}x{}".format(*SCREEN)
    settings = {**SETTINGS, "agent.desktop": True, "agent.desktop_size": size}
    with booted("desktop-tests", 2, settings) as running:
        yield running


@pytest.fixture
def shop() -> str:
    return "http://shop.example"


@pytest.fixture
def edge(host: Host) -> str:
    return edge_of(host)


@pytest.fixture
async def tw(edge: str) -> AsyncIterator[TzafonWrightClient]:
    async with TzafonWrightClient(edge, timeout=60, connect_timeout=90) as client:
        yield client


def edge_of(host: Host) -> str:
    return f"ws://{host.address}:1337"
