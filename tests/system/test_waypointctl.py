"""The administrator's command on a booted host, right after the boot."""

import json

from system.cdp import session
from system.fleet import SLOTS, Fleet
from system.news import eventually


async def test_get_hosts(fleet: Fleet) -> None:
    name = fleet.host.name
    await eventually(lambda: [(host["name"], host["slots"]) for host in fleet.listed("hosts")] == [(name, SLOTS)])
    assert name in fleet.ctl("get", "hosts")
    assert name in fleet.ctl("top")


async def test_get_instances(fleet: Fleet) -> None:
    def listed() -> bool:
        return {each["id"] for each in fleet.listed("instances", "--host", fleet.host.name)} == fleet.browsers().keys()

    await eventually(listed)


async def test_a_session_is_listed_while_it_lasts_and_afterwards(fleet: Fleet, site: str) -> None:
    async with session(fleet.ws) as client:
        await client.page(f"{site}/big")
        instance = fleet.instance_of(await client.pid())
        await eventually(lambda: len(fleet.listed("sessions")) == 1)
        (live,) = fleet.listed("sessions")
        assert live["instance"] == instance
        assert live["client"].startswith(fleet.host.gateway)
    await fleet.whole()
    await eventually(lambda: (listed := fleet.listed("sessions")) == [] or listed)
    ended = {each["instance"]: each for each in fleet.listed("sessions", "--ended")}
    assert ended[instance]["end_reason"]
    assert int(ended[instance]["bytes_to_client"]) > 0


async def test_a_killed_instance_says_so_to_its_client(fleet: Fleet) -> None:
    async with session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
        fleet.ctl("kill", instance, "--reason", "runaway page", "--yes")
        code, reason = await client.closed()
    assert code == 1008
    assert "runaway page" in reason
    await fleet.whole()
    await eventually(lambda: "runaway page" in fleet.ctl("events", "--past", "200"))


async def test_connect_gives_a_browser_of_ones_own(fleet: Fleet) -> None:
    given = json.loads(fleet.ctl("connect", "-o", "json"))
    async with session(given["url"]) as client:
        assert fleet.instance_of(await client.pid()) == given["instance"]
    await fleet.whole()


async def test_screenshot(fleet: Fleet, site: str) -> None:
    fleet.ctl("screenshot", f"{site}/form.html", "-O", "/var/form.png")
    picture = (fleet.host.root / "var/form.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 1000


async def test_scale_and_back(fleet: Fleet) -> None:
    fleet.ctl("scale", fleet.host.name, str(SLOTS + 1))
    await eventually(lambda: len(fleet.browsers()) == SLOTS + 1)
    fleet.ctl("scale", fleet.host.name, "2")  # fewer than the proxy has in reserve
    await eventually(lambda: len(fleet.browsers()) == 2)
    fleet.ctl("scale", fleet.host.name, "default")


async def test_labels_reach_the_host(fleet: Fleet) -> None:
    def labelled() -> list[str]:
        return [host["name"] for host in fleet.listed("hosts", "--label", "zone=attic")]

    fleet.ctl("label", fleet.host.name, "zone=attic")
    await eventually(lambda: labelled() == [fleet.host.name])
    fleet.ctl("label", fleet.host.name, "zone-")
    await eventually(lambda: labelled() == [])


async def test_logs_come_from_the_host(fleet: Fleet) -> None:
    await eventually(lambda: "leas" in fleet.ctl("logs", fleet.host.name, "agent", "-n", "200"))


async def test_freeze_and_unfreeze(fleet: Fleet) -> None:
    fleet.ctl("freeze", "--reason", "moving racks")
    await eventually(lambda: "moving racks" in fleet.ctl("status"))
    fleet.ctl("unfreeze")
    await eventually(lambda: "moving racks" not in fleet.ctl("status"))


async def test_doctor_is_content(fleet: Fleet) -> None:
    def content() -> object:
        done = fleet.host.run("waypointctl", "doctor", check=False)
        return done.returncode == 0 or done.stdout

    await eventually(content)


async def test_an_unknown_host(fleet: Fleet) -> None:
    done = fleet.host.run(*fleet.waypointctl("cordon", "nobody"), check=False)
    assert done.returncode == 3
    assert "nobody" in done.stderr


async def test_config_check_names_the_mistake(fleet: Fleet) -> None:
    fleet.host.run("sh", "-c", "printf '[agent]\\nslotz = 3\\n' > /tmp/wrong.toml")
    done = fleet.host.run("waypointctl", "config", "check", "/tmp/wrong.toml", check=False)
    assert done.returncode != 0
    assert "did you mean agent.slots" in done.stderr
