"""What the server counts of sessions and of the actions in them."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tzafonwright import actions
from tzafonwright.errors import Code
from tzafonwright.server.backend import Given
from tzafonwright.server.line import Line
from tzafonwright.server.measured import Measured
from tzafonwright.server.metrics import Metrics
from tzafonwright.server.refused import End, Refused, SessionOver


class Spot:
    line: Line


class Backend:
    """Does as it is told to."""

    def __init__(self) -> None:
        self.raises: BaseException | None = None

    def at_once(self, action: actions.Action) -> bool:
        return isinstance(action, actions.Listen)

    def chooses(self, action: actions.Action) -> bool:
        return isinstance(action, actions.SwitchTab)

    async def spot(self) -> Spot:
        return Spot()

    async def do(self, action: actions.Action, spot: Any, deadline: float, payload: bytes, say: Any) -> Given:
        if self.raises:
            raise self.raises
        return Given(payload=payload)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.mark.parametrize(
    ("raised", "result"),
    [
        (None, "ok"),
        (Refused(Code.NOT_FOUND, "no"), "not_found"),
        (asyncio.CancelledError(), "cancelled"),
        (SessionOver(1011, "gone", End.BROWSER_GONE), "session_over"),
    ],
)
async def test_each_action_counts_once(registry: CollectorRegistry, raised: BaseException | None, result: str) -> None:
    backend = Backend()
    backend.raises = raised
    measured = Measured(backend, Metrics(registry))
    doing = measured.do(actions.Back(), None, 0, b"bytes", None)  # type: ignore[arg-type]
    if raised is None:
        assert (await doing).payload == b"bytes"
    else:
        with pytest.raises(type(raised)):
            await doing
    counted = registry.get_sample_value("waypoint_tzafonwright_actions_total", {"action": "back", "result": result})
    assert counted == 1
    assert registry.get_sample_value("waypoint_tzafonwright_action_seconds_count", {"action": "back"}) == 1


def test_what_waits_for_what_is_for_the_backend_to_say(registry: CollectorRegistry) -> None:
    measured = Measured(Backend(), Metrics(registry))
    assert measured.at_once(actions.Listen(topics=()))
    assert not measured.at_once(actions.Back())
    assert measured.chooses(actions.SwitchTab(tab="t1"))
    assert not measured.chooses(actions.Back())


@pytest.mark.parametrize(
    ("over", "end"),
    [(None, "client_left"), (SessionOver(1011, "gone", End.DRIVER_ENDED), "driver_ended")],
)
async def test_sessions_are_live_until_they_end(
    registry: CollectorRegistry, over: SessionOver | None, end: str
) -> None:
    def live() -> float | None:
        return registry.get_sample_value("waypoint_tzafonwright_live_sessions")

    ended: asyncio.Future[SessionOver | None] = asyncio.get_running_loop().create_future()
    Metrics(registry).session(ended)
    assert live() == 1
    ended.set_result(over)
    await asyncio.sleep(0)
    assert live() == 0
    assert registry.get_sample_value("waypoint_tzafonwright_sessions_total", {"end": end}) == 1
