"""What requests ask for at either edge."""

import pytest

from waypoint_proxy.handshake import Refusal, Request
from waypoint_proxy.intents import (
    Intent,
    PageUpgrade,
    Root,
    Schema,
    Targets,
    Upgrade,
    Version,
    at_cdp,
    at_tzafonwright,
)

SESSION = "0123456789abcdef"


def plain(target: str, method: str = "GET") -> Request:
    path, _, query = target.partition("?")
    return Request(method, path, query)


def upgrade(target: str) -> Request:
    path, _, query = target.partition("?")
    return Request("GET", path, query, upgrade=True)


@pytest.mark.parametrize(
    ("target", "intent"),
    [
        ("/", Root()),
        ("/json/version", Version()),
        ("/json/version/", Version()),
        ("/json/version?token=1", Version()),
        ("/json", Targets(None)),
        ("/json/list", Targets(None)),
        ("/json/list/", Targets(None)),
        (f"/json/list?session={SESSION}", Targets(SESSION)),
        ("/json/protocol", Schema()),
    ],
)
def test_plain_requests_at_the_cdp_edge(target: str, intent: Intent) -> None:
    assert at_cdp(plain(target)) == intent


@pytest.mark.parametrize(
    ("target", "intent"),
    [
        ("/", Upgrade(None)),
        ("/?token=1", Upgrade(None)),
        ("/devtools/browser", Upgrade(None)),
        ("/devtools/browser/", Upgrade(None)),
        (f"/devtools/browser/{SESSION}", Upgrade(SESSION)),
        (f"/devtools/browser/{SESSION}/?x", Upgrade(SESSION)),
        (f"/devtools/page/AB12?session={SESSION}", PageUpgrade(SESSION, "AB12")),
    ],
)
def test_upgrades_at_the_cdp_edge(target: str, intent: Intent) -> None:
    assert at_cdp(upgrade(target)) == intent


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (plain("/json/"), 404),
        (plain("/elsewhere"), 404),
        (upgrade("/elsewhere"), 404),
        (plain("/json/version", "POST"), 405),
        (plain("/json/new?about:blank"), 405),
        (plain("/devtools/browser/x"), 426),
        (upgrade("/devtools/browser/short"), 400),
        (upgrade(f"/devtools/browser/{'x' * 129}"), 400),
        (upgrade("/devtools/browser/..%2f..%2fetc-passwd"), 400),
        (upgrade("/devtools/page/AB12"), 400),
        (upgrade(f"/devtools/page/A.B?session={SESSION}"), 404),
    ],
)
def test_refusals_at_the_cdp_edge(request_: Request, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        at_cdp(request_)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("request_", "intent"),
    [
        (upgrade("/"), Upgrade(None)),
        (upgrade(""), Upgrade(None)),
        (upgrade("/?token=1"), Upgrade(None)),
        (upgrade(f"/session/{SESSION}"), Upgrade(SESSION)),
        (upgrade(f"/devtools/browser/{SESSION}/"), Upgrade(SESSION)),
        (plain("/"), Root()),
        (plain("/", "HEAD"), Root()),
    ],
)
def test_requests_at_the_tzafonwright_edge(request_: Request, intent: Intent) -> None:
    assert at_tzafonwright(request_) == intent


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (plain("/json/version"), 404),
        (upgrade("/json/version"), 404),
        (upgrade("/session"), 404),
        (upgrade("/session/short"), 400),
        (upgrade(f"/devtools/page/{SESSION}"), 404),
        (plain(f"/session/{SESSION}"), 426),
        (plain("/", "POST"), 405),
    ],
)
def test_refusals_at_the_tzafonwright_edge(request_: Request, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        at_tzafonwright(request_)
    assert refused.value.status == status
