"""Asking another daemon's status endpoint."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, contextmanager

import h11

from waypoint_core.errors import ConfigError, StatusError
from waypoint_core.status.link import Link, NotAnswered

MAX_ANSWER = 32 * 1024 * 1024
MAX_LINE = 1024 * 1024


class StatusClient:
    """Asks over TLS when it is given a context, and then only hosts whose certificate bears the address asked."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self._tls = tls

    async def get(self, address: str, target: str, timeout: float) -> bytes:
        """The whole answer within timeout seconds. StatusError when there is none, or another than wanted."""
        body = bytearray()
        with _naming(address, target, timeout):
            async with asyncio.timeout(timeout), Link.open(address, target, self._tls) as link:
                await link.accepted()
                async with aclosing(link.chunks()) as chunks:
                    async for chunk in chunks:
                        body += chunk
                        if len(body) > MAX_ANSWER:
                            raise NotAnswered(f"its answer is longer than {MAX_ANSWER} bytes")
        return bytes(body)

    async def lines(self, address: str, target: str, connect_timeout: float) -> AsyncGenerator[bytes, None]:
        """A streamed answer line by line, without the line ends; closing the iterator closes the connection.

        Waits connect_timeout seconds for the answer to begin, and then as long as the other side is there.
        """
        with _naming(address, target, connect_timeout):
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(connect_timeout):
                    link = await stack.enter_async_context(Link.open(address, target, self._tls))
                    await link.accepted()
                chunks = await stack.enter_async_context(aclosing(link.chunks()))
                async with aclosing(_lines(chunks)) as lines:
                    async for line in lines:
                        yield line


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        if len(rest) > MAX_LINE:
            raise NotAnswered(f"a line of its answer is longer than {MAX_LINE} bytes")
    if rest:
        yield rest


@contextmanager
def _naming(address: str, target: str, timeout: float) -> Iterator[None]:
    """Tells of every failure who was asked for what."""
    try:
        yield
    except TimeoutError:
        raise _error(address, target, f"no answer within {timeout:g} s") from None
    except (OSError, h11.ProtocolError, NotAnswered, ConfigError) as error:
        raise _error(address, target, _cause(error)) from error
    except ValueError as error:  # UnicodeError among them, of a name with a part that is empty or too long
        raise _error(address, target, f"that is no address: {error}") from error


def _error(address: str, target: str, cause: str) -> StatusError:
    return StatusError(f"cannot ask {address} for {target.partition('?')[0]}: {cause}")


def _cause(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return (error.strerror if isinstance(error, socket.gaierror) else None) or str(error)
