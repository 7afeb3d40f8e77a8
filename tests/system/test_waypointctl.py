"""The administrator's command on a booted host, right after the boot."""

import json
from typing import Any

from system.cdp import session
from system.fleet import SLOTS, Fleet
from system.news import eventually


def ctl(fleet: Fleet, *argv: str) -> str:
    return fleet.host.run("waypointctl", *argv).stdout


def items(fleet: Fleet, *argv: str) -> list[dict[str, Any]]:
    return json.loads(ctl(fleet, *argv, "-o", "json"))["items"]


async def test_get_hosts(fleet: Fleet) -> None:
    (host,) = items(fleet, "get", "hosts")
    assert host["name"] == fleet.host.name
    assert host["slots"] == SLOTS
    assert fleet.host.name in ctl(fleet, "get", "hosts")
    assert fleet.host.name in ctl(fleet, "top")


async def test_get_instances(fleet: Fleet) -> None:
    assert {
        each["id"] for each in items(fleet, "get", "instances", "--host", fleet.host.name)
    } == fleet.browsers().keys()


async def test_a_session_is_listed_while_it_lasts_and_afterwards(fleet: Fleet, site: str) -> None:
    async with session(fleet.ws) as client:
        await client.page(f"{site}/big")
        instance = fleet.instance_of(await client.pid())
        (live,) = items(fleet, "get", "sessions")
        assert live["instance"] == instance
        assert live["client"].startswith(fleet.host.gateway)
    await fleet.whole()
    assert items(fleet, "get", "sessions") == []
    ended = {each["instance"]: each for each in items(fleet, "get", "sessions", "--ended")}
    assert ended[instance]["end_reason"]
    assert int(ended[instance]["bytes_to_client"]) > 0


async def test_a_killed_instance_says_so_to_its_client(fleet: Fleet) -> None:
    async with session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
        ctl(fleet, "kill", instance, "--reason", "runaway page", "--yes")
        code, reason = await client.closed()
    assert code == 1008
    assert "runaway page" in reason
    await fleet.whole()
    assert "runaway page" in ctl(fleet, "events", "--past", "200")


async def test_connect_gives_a_browser_of_ones_own(fleet: Fleet) -> None:
    given = json.loads(ctl(fleet, "connect", "-o", "json"))
    async with session(given["url"]) as client:
        assert fleet.instance_of(await client.pid()) == given["instance"]
    await fleet.whole()


async def test_screenshot(fleet: Fleet, site: str) -> None:
    ctl(fleet, "screenshot", f"{site}/form.html", "-O", "/var/form.png")
    picture = (fleet.host.root / "var/form.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 1000


async def test_scale_and_back(fleet: Fleet) -> None:
    ctl(fleet, "scale", fleet.host.name, str(SLOTS + 1))
    await eventually(lambda: len(fleet.browsers()) == SLOTS + 1)
    ctl(fleet, "scale", fleet.host.name, "2")  # fewer than the proxy has in reserve
    await eventually(lambda: len(fleet.browsers()) == 2)
    ctl(fleet, "scale", fleet.host.name, "default")


async def test_labels_reach_the_host(fleet: Fleet) -> None:
    ctl(fleet, "label", fleet.host.name, "zone=attic")
    assert [host["name"] for host in items(fleet, "get", "hosts", "--label", "zone=attic")] == [fleet.host.name]
    ctl(fleet, "label", fleet.host.name, "zone-")
    assert items(fleet, "get", "hosts", "--label", "zone=attic") == []


async def test_logs_come_from_the_host(fleet: Fleet) -> None:
    assert "leas" in ctl(fleet, "logs", fleet.host.name, "agent", "-n", "200")


async def test_freeze_and_unfreeze(fleet: Fleet) -> None:
    ctl(fleet, "freeze", "--reason", "moving racks")
    assert "moving racks" in ctl(fleet, "status")
    ctl(fleet, "unfreeze")
    assert "moving racks" not in ctl(fleet, "status")


async def test_doctor_is_content(fleet: Fleet) -> None:
    done = fleet.host.run("waypointctl", "doctor", check=False)
    assert done.returncode == 0, done.stdout


async def test_an_unknown_host(fleet: Fleet) -> None:
    done = fleet.host.run("waypointctl", "cordon", "nobody", check=False)
    assert done.returncode == 3
    assert "nobody" in done.stderr


async def test_config_check_names_the_mistake(fleet: Fleet) -> None:
    fleet.host.run("sh", "-c", "printf '[agent]\\nslotz = 3\\n' > /tmp/wrong.toml")
    done = fleet.host.run("waypointctl", "config", "check", "/tmp/wrong.toml", check=False)
    assert done.returncode != 0
    assert "did you mean agent.slots" in done.stderr
