"""The little of the Chrome DevTools Protocol that a picture takes."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from waypoint_controlplane.cli.failures import Exit, Failure

Message = dict[str, Any]


class Browser:
    """A browser's DevTools connection, until a deadline on the monotonic clock. Failure: it ended, or time is up."""

    def __init__(self, connection: ClientConnection, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline
        self._number = 0
        self._events: list[Message] = []

    def call(self, method: str, session: str = "", **params: Any) -> Message:
        """The result of a method."""
        self._number += 1
        request: Message = {"id": self._number, "method": method, "params": params}
        self._send({**request, "sessionId": session} if session else request)
        while (answer := self._receive(method)).get("id") != self._number:
            self._events.append(answer)
        if "error" in answer:
            raise Failure(f"cannot do {method}: {answer['error'].get('message', answer['error'])}")
        return dict(answer["result"])

    def wait_for(self, wanted: Callable[[Message], bool], what: str) -> Message:
        """The first event that is wanted, also of those that came during calls."""
        for event in self._events:
            if wanted(event):
                return event
        while not wanted(event := self._receive(what)):
            self._events.append(event)
        return event

    def _send(self, request: Message) -> None:
        try:
            self._connection.send(json.dumps(request))
        except ConnectionClosed as error:
            raise Failure(f"cannot do {request['method']}: {_ending(error)}") from error

    def _receive(self, what: str) -> Message:
        try:
            return dict(json.loads(self._connection.recv(timeout=max(0.0, self._deadline - time.monotonic()))))
        except TimeoutError as error:
            raise Failure(f"cannot wait longer for {what}; --load-timeout gives it more", Exit.DEADLINE) from error
        except ConnectionClosed as error:
            raise Failure(f"cannot wait for {what}: {_ending(error)}") from error


def _ending(error: ConnectionClosed) -> str:
    return f"the session ended: {error.rcvd.reason if error.rcvd else 'the connection broke'}"


@contextmanager
def attached(url: str, seconds: float) -> Iterator[Browser]:
    """A browser at this WebSocket URL; its session ends with the body."""
    try:
        connection = connect(url, sock=_socket(url, seconds), max_size=None, open_timeout=seconds, compression=None)
    except TimeoutError as error:
        raise Failure(f"cannot connect to {url} within {seconds:g} s", Exit.DEADLINE) from error
    except (OSError, WebSocketException) as error:
        raise Failure(f"cannot connect to {url}: {error}") from error
    with connection:
        yield Browser(connection, time.monotonic() + seconds)


def _socket(url: str, seconds: float) -> socket.socket:
    """Made by hand, since a proxy for the web is none for browsers of the fleet."""
    place = urlsplit(url)
    made = socket.create_connection((place.hostname or "", place.port or 80), timeout=seconds)
    made.settimeout(None)
    return made


def picture(browser: Browser, url: str, *, full_page: bool) -> bytes:
    """The page as PNG, once it has loaded. Failure when it does not load."""
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    browser.call("Page.enable", session)
    browser.call("Page.setLifecycleEventsEnabled", session, enabled=True)
    navigation = browser.call("Page.navigate", session, url=url)
    if problem := navigation.get("errorText"):
        raise Failure(f"cannot load {url}: {problem}")
    if loader := navigation.get("loaderId"):
        browser.wait_for(lambda event: _loaded(event, loader), f"{url} to load")
    clip = _whole(browser.call("Page.getLayoutMetrics", session)) if full_page else {}
    shot = browser.call("Page.captureScreenshot", session, format="png", captureBeyondViewport=full_page, **clip)
    return base64.b64decode(shot["data"])


def _loaded(event: Message, loader: str) -> bool:
    params = event.get("params", {})
    return (
        event.get("method") == "Page.lifecycleEvent"
        and params.get("name") == "load"
        and params.get("loaderId") == loader
    )


def _whole(metrics: Message) -> Message:
    content = metrics["cssContentSize"]
    return {"clip": {"x": 0, "y": 0, "width": content["width"], "height": content["height"], "scale": 1}}
