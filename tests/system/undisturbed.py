"""A session that must not notice what happens around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from system.cdp import Session, session
from system.fleet import Fleet
from system.news import PATIENCE

HERE_IN_A_MOMENT = "new Promise(tell => setTimeout(() => tell(window.mark), 100))"


@asynccontextmanager
async def undisturbed(fleet: Fleet) -> AsyncIterator[str]:
    """Its page answers all the time that the block takes, its browser is the same before and after: the instance."""
    over = asyncio.Event()
    async with session(fleet.ws) as client:
        instance = fleet.instance_of(await client.pid())
        process = fleet.browsers()[instance]
        page = await client.page()
        await client.evaluate(page, "window.mark = 'here'")
        async with asyncio.TaskGroup() as group:
            group.create_task(_use(client, page, over), name="undisturbed session")
            try:
                yield instance
            finally:
                over.set()
        assert fleet.browsers()[instance] == process


async def _use(client: Session, page: str, over: asyncio.Event) -> None:
    while not over.is_set():
        async with asyncio.timeout(PATIENCE):
            assert await client.evaluate(page, HERE_IN_A_MOMENT) == "here"
