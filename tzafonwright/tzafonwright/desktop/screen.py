"""A screen in memory with a window manager on it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator

_START = 10.0


class CannotStart(Exception):
    """A part of the desktop does not come up."""


@contextlib.asynccontextmanager
async def started(*command: str, descriptors: tuple[int, ...] = ()) -> AsyncIterator[Process]:
    """A program for as long as the block runs, with these of our descriptors. CannotStart when it is not there."""
    try:
        process = await asyncio.create_subprocess_exec(*command, stdin=DEVNULL, pass_fds=descriptors)
    except OSError as error:
        raise CannotStart(
            f"cannot start {command[0]}: {error.strerror}; install it, or set agent.desktop = false"
        ) from error
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@contextlib.asynccontextmanager
async def screen(size: str) -> AsyncIterator[tuple[str, Process]]:
    """Xvfb with a screen of WIDTHxHEIGHT: the name of its display, once it is there. CannotStart.

    No TCP and no abstract socket: who does not share its /tmp does not reach it.
    """
    reading, writing = os.pipe()
    options = (
        "-displayfd",
        str(writing),
        "-screen",
        "0",
        f"{size}x24",
        "-nolisten",
        "tcp",
        "-nolisten",
        "local",
        "-extension",
        "GLX",
    )
    try:
        async with started("Xvfb", *options, "-noreset", descriptors=(writing,)) as process:
            os.close(writing)
            writing = -1
            yield f":{await _number(reading)}", process
    finally:
        for descriptor in (reading, writing):
            if descriptor >= 0:
                os.close(descriptor)


async def _number(reading: int) -> str:
    """What Xvfb writes when it is ready; it closes the pipe when it cannot be."""
    stream = asyncio.StreamReader()
    with os.fdopen(os.dup(reading), "rb") as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        try:
            async with asyncio.timeout(_START):
                number = (await stream.readline()).decode().strip()
        except TimeoutError:
            number = ""
        finally:
            transport.close()
    if not number:
        raise CannotStart("cannot start Xvfb: it gave no display")
    return number
