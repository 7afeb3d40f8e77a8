"""Browsers claimed ahead of demand, and the clients that wait for one, first come first served."""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Container
from dataclasses import dataclass

_Waiter = asyncio.Future["Browser"]


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser that this proxy holds and nobody uses yet; since is on the monotonic clock.

    spare is a connection to it, opened ahead of demand like the browser itself; desktop is where its desktop is
    driven, "" where it has none.
    """

    instance: str
    endpoint: str
    since: float
    spare: socket.socket | None = None
    desktop: str = ""

    def close(self) -> None:
        """Close the spare connection."""
        if self.spare:
            self.spare.close()


class Reserve:
    """Stock and queue; at most one of the two is not empty."""

    def __init__(self) -> None:
        self._stock: deque[Browser] = deque()
        self._waiters: deque[_Waiter] = deque()
        self._lookers: set[asyncio.Future[None]] = set()
        self.changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._stock)

    @property
    def waiting(self) -> int:
        """Clients in the queue."""
        return sum(not waiter.done() for waiter in self._waiters)

    def add(self, browser: Browser) -> None:
        """The next client in the queue gets it; without one it is stocked."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(browser)
                return
        self._stock.append(browser)
        for looker in self._lookers:
            if not looker.done():
                looker.set_result(None)

    def take_now(self) -> Browser | None:
        """The oldest one in stock, if there is one."""
        if not self._stock:
            return None
        self.changed.set()
        return self._stock.popleft()

    async def take(self) -> Browser:
        """A browser for the caller alone, after those who asked before; who is cancelled leaves the queue."""
        if browser := self.take_now():
            return browser
        waiter: _Waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self.changed.set()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self.add(waiter.result())
                self.changed.set()
            raise
        finally:
            self._forget(waiter)

    async def look(self, besides: Container[str] = ()) -> Browser:
        """A browser in stock that is none of these instances, without taking it; waits until there is one."""
        while not (found := next((each for each in self._stock if each.instance not in besides), None)):
            looker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._lookers.add(looker)
            self.changed.set()
            try:
                await looker
            finally:
                self._lookers.discard(looker)
        return found

    @property
    def oldest(self) -> Browser | None:
        """The one in stock that is held for the longest time."""
        return min(self._stock, key=lambda browser: browser.since, default=None)

    @property
    def wanted(self) -> int:
        """Clients that wait for a browser, to take it or to see that there is one."""
        return self.waiting or any(not looker.done() for looker in self._lookers)

    def drop(self, instance: str) -> bool:
        """Forget a browser in stock that is gone; False when it is not in stock."""
        return bool(self._take_out(lambda browser: browser.instance == instance))

    def pull(self, instance: str) -> Browser | None:
        """Take this one out of stock; None when it is not there."""
        found = next((browser for browser in self._stock if browser.instance == instance), None)
        if found:
            self._stock.remove(found)
            self.changed.set()
        return found

    def drop_where(self, unwanted: Callable[[str], bool]) -> list[Browser]:
        """Forget those whose instance is unwanted; returns them."""
        return self._take_out(lambda browser: unwanted(browser.instance))

    def clear(self) -> list[Browser]:
        """Forget all; returns them."""
        return self._take_out(lambda _: True)

    def _take_out(self, unwanted: Callable[[Browser], bool]) -> list[Browser]:
        dropped = [browser for browser in self._stock if unwanted(browser)]
        for browser in dropped:
            self._stock.remove(browser)
            browser.close()
            self.changed.set()
        return dropped

    def _forget(self, waiter: _Waiter) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)
