"""A browser is killed: its client is told why, and its slot has a ready browser again at once."""

import os
import signal

from system.cdp import session
from system.fleet import Fleet
from system.news import eventually
from waypoint_core.model import InstanceState


async def test_browser_is_killed(fleet: Fleet) -> None:
    for _ in range(5):
        reason = await killed(fleet)
        if "killed" in reason:  # where its cause was known in time
            break
        await fleet.whole()
    assert "killed" in reason


async def killed(fleet: Fleet) -> str:
    """What the client is told whose browser is killed; the slot has a ready one again."""
    async with session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
        slot = fleet.instances()[instance].slot
        os.kill(fleet.browsers()[instance], signal.SIGKILL)

        def ready() -> bool:
            lives = {key: life.state for key, life in fleet.instances().items() if life.slot == slot}
            return instance not in lives and list(lives.values()) == [InstanceState.READY]

        await eventually(ready)
        code, reason = await client.closed()
    assert code in {1011, 1012, *range(4000, 5000)}
    return reason


async def test_idle_browser_is_killed(fleet: Fleet) -> None:
    instance, pid = next(iter(fleet.browsers().items()))
    os.kill(pid, signal.SIGKILL)
    await eventually(lambda: instance not in fleet.instances())
    await fleet.whole()
