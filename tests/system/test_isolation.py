"""What a page may reach: the site that it is driven to, and nothing of the host that runs it."""

import pytest

from system.cdp import session
from system.fleet import Fleet

SERVICES = {
    "another browser": "20001/json/list",
    "etcd": "2379/version",
    "the proxy": "9222/json/version",
    "tzafonwright": "9304/healthz",
}
FILES = [
    "/etc/waypoint/waypoint.toml",
    "/run/waypoint/slots/0.env",
    "/var/lib/waypoint-agent/generations.json",
    "/var/lib/private/etcd/member/snap/db",
    "/proc/1/cmdline",
]


@pytest.mark.parametrize("service", SERVICES)
async def test_services_of_the_host_are_out_of_reach(fleet: Fleet, service: str) -> None:
    urls = [f"http://{name}:{SERVICES[service]}" for name in ("127.0.0.1", "localhost", "0.0.0.0", fleet.host.address)]
    assert fleet.host.run("curl", "-sf", urls[0]).stdout
    async with session(fleet.ws) as client:
        page = await client.page()
        assert {await client.navigate(page, url) for url in urls} == {"net::ERR_CONNECTION_REFUSED"}


@pytest.mark.parametrize("file", FILES)
async def test_files_of_the_host_are_out_of_reach(fleet: Fleet, file: str) -> None:
    assert fleet.host.run("head", "-c1", file).stdout
    async with session(fleet.ws) as client:
        page = await client.page()
        assert await client.navigate(page, f"file://{file}") in {"net::ERR_ACCESS_DENIED", "net::ERR_FILE_NOT_FOUND"}
        assert await client.navigate(page, "file:///usr/lib/os-release") == ""
