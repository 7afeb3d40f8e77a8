"""An action that never ends by itself, and is known to have begun."""

from __future__ import annotations

import asyncio

from tzafonwright import TzafonWrightClient, TzafonWrightError


async def endless(tw: TzafonWrightClient, group: asyncio.TaskGroup) -> asyncio.Task[TzafonWrightError]:
    """Returns once it is under way in the browser; the task gives the error that ends it."""
    said = group.create_task(anext(tw.events("console")))
    task = group.create_task(_failure(tw))
    await said
    return task


async def _failure(tw: TzafonWrightClient) -> TzafonWrightError:
    try:
        await tw.evaluate("(console.log('begun'), new Promise(() => {}))")
    except TzafonWrightError as error:
        return error
    raise AssertionError("it came to an end")
