"""Stock and queue."""

import asyncio

from waypoint_proxy.reserve import Browser, Reserve


def browser(name: str, since: float = 0.0) -> Browser:
    return Browser(name, f"ws://{name}", since)


async def queue(group: asyncio.TaskGroup, reserve: Reserve, count: int) -> list[asyncio.Task[Browser]]:
    tasks = [group.create_task(reserve.take()) for _ in range(count)]
    while reserve.waiting < count:
        reserve.changed.clear()
        await reserve.changed.wait()
    return tasks


async def test_oldest_first() -> None:
    reserve = Reserve()
    for name in "ab":
        reserve.add(browser(name))
    assert [(await reserve.take()).instance, (await reserve.take()).instance] == ["a", "b"]
    assert reserve.take_now() is None


async def test_clients_are_served_in_the_order_of_their_coming() -> None:
    reserve = Reserve()
    async with asyncio.TaskGroup() as group:
        tasks = await queue(group, reserve, 3)
        for name in "abc":
            reserve.add(browser(name))
    assert [task.result().instance for task in tasks] == ["a", "b", "c"]
    assert len(reserve) == 0


async def test_who_leaves_the_queue_costs_nothing() -> None:
    reserve = Reserve()
    async with asyncio.TaskGroup() as group:
        first, second = await queue(group, reserve, 2)
        first.cancel()
        await asyncio.wait([first])
        reserve.add(browser("a"))
    assert second.result().instance == "a"
    assert reserve.waiting == 0


async def test_who_leaves_in_the_moment_of_being_served_passes_it_on() -> None:
    reserve = Reserve()
    async with asyncio.TaskGroup() as group:
        first, second = await queue(group, reserve, 2)
        reserve.add(browser("a"))
        first.cancel()
    assert first.cancelled()
    assert second.result().instance == "a"


async def test_looking_takes_nothing_and_waits_for_stock() -> None:
    reserve = Reserve()
    async with asyncio.TaskGroup() as group:
        looks = [group.create_task(reserve.look()) for _ in range(3)]
        await reserve.changed.wait()
        assert reserve.wanted
        reserve.add(browser("a"))
    assert [look.result().instance for look in looks] == ["a"] * 3
    assert len(reserve) == 1
    assert not reserve.wanted


async def test_looking_for_another_waits_until_there_is_one() -> None:
    reserve = Reserve()
    reserve.add(browser("a"))
    assert not reserve.wanted
    async with asyncio.TaskGroup() as group:
        look = group.create_task(reserve.look({"a"}))
        await reserve.changed.wait()
        assert reserve.wanted
        assert (await reserve.look()).instance == "a"
        reserve.add(browser("b"))
        assert not reserve.wanted
    assert look.result().instance == "b"
    assert len(reserve) == 2


async def test_looking_waits_behind_those_who_take() -> None:
    reserve = Reserve()
    async with asyncio.TaskGroup() as group:
        (taker,) = await queue(group, reserve, 1)
        reserve.changed.clear()
        look = group.create_task(reserve.look())
        await reserve.changed.wait()
        reserve.add(browser("a"))
        await taker
        assert not look.done()
        reserve.add(browser("b"))
    assert look.result().instance == "b"


async def test_a_browser_that_is_gone_is_not_given() -> None:
    reserve = Reserve()
    for name in "ab":
        reserve.add(browser(name))
    assert reserve.drop("a")
    assert not reserve.drop("a")
    assert (await reserve.take()).instance == "b"


async def test_the_oldest_is_the_one_that_is_held_for_the_longest_time() -> None:
    reserve = Reserve()
    assert reserve.oldest is None
    for since, name in ((2.0, "a"), (1.0, "b"), (3.0, "c")):
        reserve.add(browser(name, since))
    assert reserve.oldest
    assert reserve.oldest.instance == "b"
    assert [found.instance for found in reserve.clear()] == ["a", "b", "c"]


async def test_every_change_that_may_need_a_claim_is_told() -> None:
    reserve = Reserve()
    reserve.add(browser("a"))
    assert not reserve.changed.is_set()
    reserve.take_now()
    assert reserve.changed.is_set()
