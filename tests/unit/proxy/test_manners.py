"""Clients by how they ask."""

import json

import pytest

from waypoint_proxy.frames import PING
from waypoint_proxy.manners import at_cdp, at_tzafonwright

PLAYWRIGHT = {"user-agent": "Playwright/1.55.0 (x64; debian 12) node/22.0", "sec-websocket-key": "dGhlIHNhbXBsZQ=="}
PUPPETEER = {"user-agent": "Puppeteer 24.1.0", "sec-websocket-key": "dGhlIHNhbXBsZQ=="}
BROWSER_USE = {"user-agent": "Python/3.12 websockets/15.0", "sec-websocket-key": "dGhlIHNhbXBsZQ=="}
CHROMEDP = {"sec-websocket-key": "dGhlIHNhbXBsZQ=="}
ROD = {"user-agent": "Go-http-client/1.1", "sec-websocket-key": "nil"}


@pytest.mark.parametrize(
    ("headers", "pings", "farewells"),
    [
        (PLAYWRIGHT, True, True),
        (PUPPETEER, True, True),
        (BROWSER_USE, True, True),
        (CHROMEDP, False, True),
        (ROD, False, False),
    ],
    ids=["playwright", "puppeteer", "browser-use", "chromedp", "rod"],
)
def test_who_bears_what_at_the_cdp_edge(headers: dict[str, str], pings: bool, farewells: bool) -> None:
    manners = at_cdp(headers)
    assert (manners.pings, manners.farewells) == (pings, farewells)


@pytest.mark.parametrize("size", [1024, 4096, 32 * 1024])
def test_what_fills_a_cdp_connection_is_an_answer_to_nobody(size: int) -> None:
    frame = at_cdp(PLAYWRIGHT).fill(size)
    assert len(frame) == size
    assert frame[:2] == b"\x81\x7e"
    assert int.from_bytes(frame[2:4]) == size - 4
    message = json.loads(frame[4:])
    assert message.keys() == {"id", "error"}
    assert message["error"]["code"] == -32001


def test_what_fills_a_tzafonwright_connection_is_pings() -> None:
    manners = at_tzafonwright(CHROMEDP)
    assert manners.pings
    assert manners.farewells
    assert manners.fill(1024) == PING * 512
