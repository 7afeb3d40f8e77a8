"""Requests to a browser: a connection, an upgrade to one of its WebSockets, or a JSON answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

import h11

from waypoint_core.errors import SessionError
from waypoint_proxy import link
from waypoint_proxy.endings import LOST, Ending
from waypoint_proxy.handshake import Refusal
from waypoint_proxy.link import Link, answering
from waypoint_proxy.reserve import Browser
from waypoint_proxy.rewrite import request_head

_MAX_HEAD = 16 * 1024
_MAX_BODY = 16 * 1024 * 1024
_COMPRESSION = "sec-websocket-extensions"
_RETRY_AFTER = 5


class NoSocket(SessionError):
    """This proxy can open no more connections: no browser is to blame for that."""


class DevTools:
    """The way of a CDP client: to the browser itself, or to one of its targets (path).

    Without compress the browser does not hear of a client's offer to compress messages, and sends them as they are.
    """

    lost: Ending = LOST

    def __init__(self, timeout: float, path: str = "", *, compress: bool) -> None:
        self._timeout = timeout
        self._path = path
        self._compress = compress

    async def open(self, browser: Browser, headers: Mapping[str, str]) -> Link:
        """A WebSocket to it, over its spare connection if there is one.

        UpgradeRefused, or SessionError; Refusal when this proxy can connect to none.
        """
        far = browser.spare or await self._connect(browser.endpoint)
        path = self._path or urlsplit(browser.endpoint).path
        if not self._compress:
            headers = {name: value for name, value in headers.items() if name != _COMPRESSION}
        head = request_head(path, _address(browser.endpoint), headers)
        return await link.upgrade(far, _named(browser.endpoint), head, self._timeout)

    async def _connect(self, endpoint: str) -> socket.socket:
        try:
            return await connect(endpoint, self._timeout)
        except NoSocket as error:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, str(error), retry_after=_RETRY_AFTER) from error


async def fetch(endpoint: str, path: str, timeout: float) -> bytes:
    """The body of the browser's answer to GET path. SessionError when there is none, or not a 200."""
    browser = await connect(endpoint, timeout)
    with contextlib.closing(browser):
        async with answering(_named(endpoint), timeout):
            await link.send(browser, request_head(path, _address(endpoint)))
            status, body = await _read_answer(browser)
    if status != 200:
        raise SessionError(f"cannot read {path} of {_named(endpoint)}: status {status}")
    return body


async def connect(endpoint: str, timeout: float) -> socket.socket:
    """A connection to the browser at endpoint. SessionError when it does not accept; NoSocket before it was asked."""
    place = _place(endpoint)
    browser = _socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
    try:
        async with answering(_named(endpoint), timeout):
            browser.setblocking(False)
            browser.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                # On one host this connects at once, which spares the loop a turn or two.
                browser.connect(place)
            except BlockingIOError:
                await asyncio.get_running_loop().sock_connect(browser, place)
    except BaseException:
        browser.close()
        raise
    return browser


def _socket(family: socket.AddressFamily) -> socket.socket:
    try:
        return socket.socket(family)
    except OSError as error:
        raise NoSocket(f"cannot connect to a browser: {error}") from error


def _place(endpoint: str) -> tuple[str, int]:
    """Host and port. SessionError when it has not both, or is nothing to be sent in a request head."""
    with contextlib.suppress(ValueError):
        url = urlsplit(endpoint)
        if url.hostname and url.port and endpoint.isascii() and endpoint.isprintable():
            return url.hostname, url.port
    raise SessionError(f"cannot use a browser at {endpoint!r}: that is no endpoint")


def _address(endpoint: str) -> str:
    return urlsplit(endpoint).netloc


def _named(endpoint: str) -> str:
    return f"the browser at {_address(endpoint)}"


async def _read_answer(browser: socket.socket) -> tuple[int, bytes]:
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
    parser.send(h11.Request(method="GET", target="/", headers=[("Host", "browser")]))
    parser.send(h11.EndOfMessage())
    status, body = 0, bytearray()
    while True:
        event = parser.next_event()
        if event is h11.NEED_DATA:
            parser.receive_data(await link.receive(browser))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > _MAX_BODY:
                raise ValueError(f"its answer is larger than {_MAX_BODY} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return status, bytes(body)
