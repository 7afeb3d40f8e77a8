"""Carries the reconciler's decisions out: one task an action, one action a slot at a time."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import os
import random
from collections.abc import Awaitable, Callable

from waypoint_agent import health
from waypoint_agent.actions import Action, Await, Check, Forget, Reason, Start, Stop, Withdraw
from waypoint_agent.desired import Desired
from waypoint_agent.launch import Launches, environment
from waypoint_agent.manager import UnitManager
from waypoint_agent.pace import Pace
from waypoint_agent.pool import Pool
from waypoint_agent.publish import Publisher
from waypoint_agent.reconcile import OVERDUE, Observed, Plan, Wanted, reconcile
from waypoint_agent.slots import Doing
from waypoint_core.errors import RegistryError, UnitError
from waypoint_core.hold import EndCause
from waypoint_core.settings import AgentSettings

log = logging.getLogger("waypoint.agent")

_JITTER = 0.2
_LONGEST_PAUSE = 1.0
_FORGET_PAUSE = 5.0
_REFUSED_PAUSE = 0.2
# Somebody has claimed a browser and never came for it, or went without a word.
_LOST = {Reason.VOID_CLAIM, Reason.ORPHANED}


Probe = Callable[[int, float], Awaitable[health.Answer]]


def _default_start_limit() -> int:
    """Most of a start is one processor's work: many more at once make each of them late, and fewer leave some idle."""
    return max(4, 2 * (os.cpu_count() or 1))


class Executor:
    """The reconcile loop of one host."""

    def __init__(
        self,
        *,
        settings: AgentSettings,
        manager: UnitManager,
        pool: Pool,
        launches: Launches,
        desired: Desired,
        publisher: Publisher,
        clock: Callable[[], float],
        probe: Probe = health.probe,
    ) -> None:
        self._settings = dataclasses.replace(settings, start_limit=settings.start_limit or _default_start_limit())
        # Each turn asks for every slot's.
        self._environment = functools.lru_cache(maxsize=4096)(functools.partial(environment, settings))
        self._manager = manager
        self._pool = pool
        self._launches = launches
        self._desired = desired
        self._publisher = publisher
        self._clock = clock
        self._probe = probe
        self._pace = Pace()
        self._poked = asyncio.Event()
        self._forgetting = False
        self.turns = 0

    def poke(self) -> None:
        """Something may have changed."""
        self._poked.set()

    async def run(self) -> None:
        """Decide and act, for ever."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._poked.clear()
                self._pool.trim(self._desired.slots(self._settings.slots))
                plan = self.plan()
                for action in plan.actions:
                    self._dispatch(group, action)
                self.turns += 1
                await self._wait_until(plan.again_at)

    def plan(self) -> Plan:
        """What the reconciler makes of the present."""
        wanted = Wanted(
            slots=self._desired.slots(self._settings.slots),
            environment=self.environment,
            known=self._desired.host_known,
            kills=self._desired.reasons(),
        )
        observed = Observed(self._pool.slots(), self._pool.connected, self._desired.claims, self._desired.claims_known)
        return reconcile(self._settings, wanted, observed, self._clock())

    def environment(self, slot: int) -> str:
        """What the slot's unit is to be started with."""
        flags = (*self._settings.browser_flags, *self._desired.host.browser_flags)
        return self._environment(slot, flags)

    def _port(self, slot: int) -> int:
        return self._settings.browser_port + slot

    async def _wait_until(self, moment: float) -> None:
        pause = min(max(moment - self._clock(), 0.0), _LONGEST_PAUSE)
        try:
            async with asyncio.timeout(pause):
                await self._poked.wait()
        except TimeoutError:
            pass

    def _dispatch(self, group: asyncio.TaskGroup, action: Action) -> None:
        """Note what is under way, in the same breath as the decision, then do it."""
        match action:
            case Start(slot):
                self._pool.doing(slot, Doing.STARTING)
                group.create_task(self._start(slot), name=f"start {slot}")
            case Stop(slot, instance, reason, cause, detail, wanted, restart):
                if reason in _LOST:
                    log.warning("slot %d: %s is recycled: %s", slot, instance, detail)
                self._pool.end(instance, cause, detail or reason, wanted=wanted)
                self._pool.doing(slot, Doing.RESTARTING if restart else Doing.STOPPING)
                job = self._restart(slot, instance) if restart else self._stop(slot)
                group.create_task(job, name=f"{'restart' if restart else 'stop'} {slot}")
            case Withdraw(slot):
                self._pool.doing(slot, Doing.WITHDRAWING)
                group.create_task(self._withdraw(action), name=f"withdraw {slot}")
            case Await(slot, instance):
                self._pool.probing(instance, probing=True)
                group.create_task(self._await_ready(slot, instance), name=f"await {slot}")
            case Check(slot, instance):
                self._pool.probing(instance, probing=True)
                group.create_task(self._check(slot, instance), name=f"check {slot}")
            case Forget(instances) if not self._forgetting:
                self._forgetting = True
                group.create_task(self._forget(instances), name="forget")

    async def _start(self, slot: int) -> None:
        failures = self._pool.slot(slot).failures
        try:
            self._launches.write(slot, self.environment(slot))
            await self._manager.start(slot)
        except (UnitError, OSError) as error:
            self._pool.start_failed(slot, str(error), failures)
        finally:
            self._pool.doing(slot, Doing.NOTHING)

    async def _stop(self, slot: int) -> None:
        try:
            await self._manager.stop(slot)
        except UnitError as error:
            log.warning("slot %d: %s", slot, error)
            self._pool.refused(slot)
        finally:
            self._pool.doing(slot, Doing.NOTHING)

    async def _restart(self, slot: int, instance: str) -> None:
        failures = self._pool.slot(slot).failures
        try:
            self._launches.write(slot, self.environment(slot))
            await self._manager.restart(slot)
        except (UnitError, OSError) as error:
            life = self._pool.slot(slot).life
            if life and life.id == instance:
                log.warning("slot %d: %s", slot, error)
                self._pool.refused(slot)
            else:
                self._pool.start_failed(slot, str(error), failures)
        finally:
            self._pool.doing(slot, Doing.NOTHING)

    async def _withdraw(self, action: Withdraw) -> None:
        try:
            withdrawn = await self._publisher.withdraw(action.id)
        except RegistryError as error:
            log.debug("slot %d: %s, but it cannot be withdrawn now: %s", action.slot, action.reason, error)
            withdrawn = False
        if withdrawn:
            self._pool.end(action.id, EndCause.STOPPED, action.reason)
        else:
            self._pool.refused(action.slot)
        self._pool.doing(action.slot, Doing.NOTHING)

    async def _await_ready(self, slot: int, instance: str) -> None:
        """Ask until it answers."""
        began = self._clock()
        said = False
        for pause in self._pace.pauses():
            await asyncio.sleep(pause)
            if not self._pool.current(instance):
                return
            try:
                answer = await self._probe(self._port(slot), self._settings.probe_timeout)
            except UnitError as error:
                if not said and self._clock() - began >= OVERDUE:
                    log.warning("slot %d: not ready after %g s: %s", slot, OVERDUE, error)
                    said = True
                continue
            self._pace.took(self._clock() - began)
            self._answered(instance, answer)
            return

    async def _check(self, slot: int, instance: str) -> None:
        """Ask until it answers or has had its time: one that is gone refuses at once, and systemd will say why."""
        ends = self._clock() + self._settings.probe_timeout
        while self._pool.current(instance):
            try:
                answer = await self._probe(self._port(slot), self._settings.probe_timeout)
            except UnitError as error:
                if self._clock() < ends:
                    await asyncio.sleep(_REFUSED_PAUSE)
                    continue
                self._pool.probing(instance, probing=False)
                if (now := self._pool.current(instance)) and now.life and not now.life.session:
                    self._pool.end(instance, EndCause.HUNG, str(error), wanted=False)
            else:
                self._answered(instance, answer)
            return

    def _answered(self, instance: str, answer: health.Answer) -> None:
        jitter = random.uniform(0, _JITTER * self._settings.probe_interval)  # noqa: S311 - not a secret
        self._pool.probing(instance, probing=False)
        self._pool.answered(instance, answer.endpoint, answer.browser, jitter=jitter)

    async def _forget(self, instances: tuple[str, ...]) -> None:
        try:
            await self._publisher.forget(instances)
            for instance in instances:
                self._desired.kills.pop(instance, None)
                self._desired.claims.pop(instance, None)
        except RegistryError as error:
            log.info("cannot delete the keys of instances that are gone, trying again: %s", error)
            await asyncio.sleep(_FORGET_PAUSE)
        finally:
            self._forgetting = False
            self.poke()
