"""A test that leaves an asyncio task or a child process behind has failed."""

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


@pytest.fixture(autouse=True)
async def no_leaks() -> AsyncIterator[None]:
    """Set up before the test's own fixtures and torn down after them; what wider fixtures own is not counted."""
    processes_before = children()
    tasks_before = asyncio.all_tasks()
    yield
    tasks = asyncio.all_tasks() - tasks_before - {asyncio.current_task()}
    # A cancelled call of grpc.aio keeps a task of its own until the C core has confirmed the end.
    left = (await asyncio.wait(tasks, timeout=10))[1] if tasks else set()
    assert not left, f"leaked tasks: {left}"
    processes = children() - processes_before
    assert not processes, f"leaked processes: {processes}"
