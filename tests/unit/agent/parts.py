"""Parts that the agent's tests share: a clock to turn, a pool on a temporary folder, a holder that listens."""

from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry

from waypoint_agent.generations import Generations
from waypoint_agent.launch import Launches
from waypoint_agent.manager import Changed, Listed
from waypoint_agent.metrics import Metrics
from waypoint_agent.pool import Pool
from waypoint_agent.slots import Slot
from waypoint_agent.units import Active, Exit, Result, UnitState
from waypoint_core.hold import EndCause

A, B, C = "a" * 32, "b" * 32, "c" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Listener:
    def __init__(self) -> None:
        self.heard: list[tuple[str, EndCause, str]] = []

    def ended(self, instance: str, cause: EndCause, detail: str) -> None:
        self.heard.append((instance, cause, detail))


class PoolTest:
    """A pool that systemd has told that nothing runs."""

    def __init__(self, folder: Path, changed: Callable[[], None] = lambda: None) -> None:
        (folder / "slots").mkdir(exist_ok=True)
        self.clock = Clock()
        self.metrics = CollectorRegistry()
        launches, generations = Launches(folder / "slots"), Generations(folder)
        self.pool = Pool("h", launches, generations, self.clock, changed, metrics=Metrics(self.metrics))
        self.pool.observe(Listed((), "252"))

    def unit(
        self,
        active: Active,
        invocation: str = A,
        exited: Exit = Exit.NOT,
        status: int = 0,
        result: Result = Result.SUCCESS,
        since: float = 0.0,
    ) -> Slot:
        self.pool.observe(Changed(UnitState(0, active, invocation, result, exited, status, since)))
        return self.pool.slot(0)

    def start(self, invocation: str = A) -> str:
        """A ready browser in slot 0; its id."""
        self.unit(Active.ACTIVATING, invocation)
        self.unit(Active.ACTIVE, invocation)
        self.pool.answered(f"h_0_{invocation}", "ws://x", "Chrome/1")
        return f"h_0_{invocation}"

    def counted(self, name: str, **labels: str) -> float | None:
        """A sample of the agent's metrics."""
        return self.metrics.get_sample_value(f"waypoint_agent_{name}", labels)

    def die(self, invocation: str = A, status: int = 9) -> Slot:
        self.unit(Active.DEACTIVATING, invocation, Exit.KILLED, status)
        return self.unit(Active.INACTIVE, invocation, Exit.KILLED, status)
