"""The agent dies or is replaced: its browsers are adopted, and no session notices."""

import json

import pytest

from system.cdp import session
from system.fleet import KEYS, Fleet
from system.news import eventually
from system.undisturbed import undisturbed


@pytest.mark.parametrize(
    "command",
    [("kill", "--signal=SIGKILL", "waypoint-agent"), ("restart", "waypoint-agent")],
    ids=["killed", "restarted"],
)
async def test_agent_is_replaced(fleet: Fleet, site: str, command: tuple[str, ...]) -> None:
    async with undisturbed(fleet) as instance:
        await fleet.whole(sessions=1)
        processes, epoch = fleet.browsers(), epoch_of(fleet)
        fleet.host.run("systemctl", *command)
        async with session(fleet.ws) as client:  # from the reserve, whoever is there
            page = await client.page(f"{site}/form.html")
            assert await client.evaluate(page, "document.title") == "Form"
            used = fleet.instance_of(await client.pid())
            await eventually(lambda: epoch_of(fleet) not in {epoch, None})
            await fleet.whole(sessions=2)
            assert fleet.browsers() == processes
        await fleet.whole(sessions=1)
        now = fleet.browsers()
    assert instance in now
    assert now.keys() & processes.keys() == processes.keys() - {used}


async def test_a_browser_that_was_used_is_nobodys_again_whoever_dies_before_it_ends(fleet: Fleet) -> None:
    """Its session is over and its keys have left the registry, but systemd has not ended it yet."""
    epoch = epoch_of(fleet)
    fleet.host.run("systemctl", "kill", "--signal=SIGSTOP", "waypoint-broker")  # without it nothing is ended
    try:
        async with session(fleet.ws) as client:
            used = fleet.instance_of(await client.pid())
        await eventually(lambda: used not in fleet.instances())
        fleet.host.run("systemctl", "kill", "--signal=SIGKILL", "waypoint-agent")
        await eventually(lambda: epoch_of(fleet) not in {epoch, None})
        assert used in fleet.browsers(), "the new agent has found it running"
        for _ in range(3):
            async with session(fleet.ws) as client:
                assert fleet.instance_of(await client.pid()) != used
    finally:
        fleet.host.run("systemctl", "kill", "--signal=SIGCONT", "waypoint-broker")
    while used in fleet.browsers():
        async with session(fleet.ws) as client:
            assert fleet.instance_of(await client.pid()) != used
    await fleet.whole()


def epoch_of(fleet: Fleet) -> str | None:
    """Tells one life of the agent from another."""
    alive = fleet.entries().get(KEYS.host_alive(fleet.host.name))
    return None if alive is None else json.loads(alive.value)["epoch"]
