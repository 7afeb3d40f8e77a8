import asyncio

import pytest

from waypoint_core.etcd.tasks import TaskOwner


async def forever() -> None:
    await asyncio.Event().wait()


async def test_tasks_end_with_their_owner() -> None:
    ended = []
    begun = asyncio.Semaphore(0)

    async def work() -> None:
        try:
            begun.release()
            await forever()
        finally:
            await asyncio.sleep(0)  # an end that takes a turn of the loop, as that of a call does
            ended.append(True)

    async with TaskOwner() as tasks:
        tasks.start(work(), name="one")
        tasks.start(work(), name="two")
        for _ in range(2):
            await begun.acquire()
    assert ended == [True, True]


async def test_the_bodys_exception_comes_through_unwrapped() -> None:
    async def own() -> None:
        async with TaskOwner() as tasks:
            tasks.start(forever(), name="sleeper")
            raise KeyError

    with pytest.raises(KeyError):
        await own()


async def test_a_failing_task_ends_the_body() -> None:
    async def fail() -> None:
        raise ValueError

    async def own() -> None:
        async with TaskOwner() as tasks:
            tasks.start(fail(), name="failing")
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as failure:
        await own()
    assert failure.group_contains(ValueError)


async def test_cancelling_the_owner_cancels_the_body() -> None:
    async def own() -> None:
        async with TaskOwner() as tasks:
            tasks.start(forever(), name="sleeper")
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(own(), 0.01)
