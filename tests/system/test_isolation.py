"""What a page may reach: the site that it is driven to, and nothing of the host that runs it."""

import pytest

from system.cdp import Session, session
from system.fleet import Fleet

SERVICES = {"another browser": "20001/json/list", "etcd": "2379/version", "the proxy": "9222/json/version"}
FILES = {
    "settings": "/etc/waypoint/waypoint.toml",
    "slots": "/run/waypoint/slots/0.env",
    "agent's state": "/var/lib/waypoint-agent/",
    "etcd's data": "/var/lib/private/etcd/",
}


@pytest.mark.parametrize("service", SERVICES)
async def test_services_of_the_host_are_out_of_reach(fleet: Fleet, service: str) -> None:
    urls = [f"http://{name}:{SERVICES[service]}" for name in ("127.0.0.1", "localhost", "0.0.0.0", fleet.host.address)]
    assert fleet.host.run("curl", "-sf", urls[0]).stdout
    async with session(fleet.ws) as client:
        page = await client.page()
        assert {await client.navigate(page, url) for url in urls} == {"net::ERR_CONNECTION_REFUSED"}


@pytest.mark.parametrize("name", FILES)
async def test_files_of_the_host_are_out_of_reach(fleet: Fleet, name: str) -> None:
    assert fleet.host.run("ls", FILES[name]).stdout
    async with session(fleet.ws) as client:
        assert await shows(client, "/usr/")
        assert await shows(client, "/usr/lib/os-release")
        assert not await shows(client, FILES[name])


async def shows(client: Session, path: str) -> bool:
    """Whether a page can have a file's content or, with a slash at its end, the names in a folder."""
    page = await client.page()
    error = await client.navigate(page, f"file://{path}")
    html = await client.evaluate(page, "document.documentElement.outerHTML")
    return not error and ("addRow(" in html or not path.endswith("/"))
